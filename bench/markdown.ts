import { CALM, spread } from './measure.ts';
import { number, results, comparisons, type Report } from './report.ts';

/**
 * The table of docs/benchmarks.md: CPU per request as multiples of the reference, medians only, and the machine below
 * it.
 */
export function markdown(report: Report): string {
  const { machine, reference, loads } = report;
  const all = results(report);
  const rate = loads.find(({ perSecond }) => perSecond !== undefined);
  const head = [
    '',
    ...loads.map(({ name }) => name),
    ...(rate === undefined ? [] : [`p99 at ${number(rate.perSecond ?? 0, 0)}/s`]),
  ];
  const rows = report.contenders.map(({ name, version }) => {
    const of = (load: string): (typeof all)[number] | undefined =>
      all.find((one) => one.load === load && one.contender === name);
    const cells = loads.map(({ name: load }) => {
      const found = of(load);
      return found === undefined
        ? '–'
        : name === reference
          ? '1'
          : number(found.ratio.median, found.ratio.median < 10 ? 2 : 1);
    });
    const latency = rate === undefined ? undefined : of(rate.name);
    const label = `${name} ${version}`;
    return [
      name.startsWith('tokenward') ? `**${label}**` : label,
      ...cells,
      ...(rate === undefined ? [] : [latency === undefined ? '–' : `${number(latency.p99 / 1000, 1)} ms`]),
    ];
  });
  const disturbances = report.bursts.map((burst) => burst.disturbance ?? 0);
  const disturbed = disturbances.length === 0 ? 0 : spread(disturbances).median;
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const beside = comparisons(report)
    .filter(({ of }) => of === 'naive')
    .map(({ load, ratio }) => `${number(ratio.median, 1)} × (${load})`);
  return [
    `CPU time per request, as a multiple of ${reference}'s; medians of ${report.rounds} paired rounds:`,
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    '',
    `Measured on ${report.startedAt.slice(0, 10)} with ${machine.cpus} CPUs (${machine.model}), Linux ${machine.kernel.split('-', 1)[0]!}; contenders on one CPU, upstream and load on the other${disturbed > CALM ? `. Other programs had ${number(disturbed * 100, 0)} % of the contenders' CPU meanwhile: the figures are rough` : ''}.` +
      (beside.length === 0 ? '' : ` naive ÷ tokenward: ${beside.join(', ')}.`) +
      (report.leftOut.length + report.failures.length === 0
        ? ''
        : ` Left out: ${[...report.leftOut.map(({ name, why }) => `${name} (${why})`), ...report.failures.map(({ contender, load }) => `a burst of ${contender} under ${load} (it failed)`)].join(', ')}.`),
    '',
  ].join('\n');
}
