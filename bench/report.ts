import type { Load } from './load.ts';
import type { Machine } from './machine.ts';
import { CALM, ratios, spread, type Burst, type Failure, type Ratios, type Spread } from './measure.ts';
import { isOtherBuild } from './peers/all.ts';

/**
 * Latencies of a constant rate with nobody between generator and upstream, and how late the generator sent.
 * Microseconds.
 */
export interface Floor {
  readonly p50: number;
  readonly p99: number;
  readonly late?: { readonly p50: number; readonly p99: number };
}

export interface Report {
  readonly quick: boolean;
  readonly profiled: boolean;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly upstream: string;
  readonly load: string;
  readonly burstSeconds: number;
  readonly rounds: number;
  readonly loads: readonly Load[];
  /** Names of those that were not asked for. */
  readonly otherLoads: readonly string[];
  /** Undefined without a load of a constant rate. */
  readonly floor: Floor | undefined;
  /** What ratios are taken against. */
  readonly reference: string;
  readonly contenders: readonly { readonly name: string; readonly about: string; readonly version: string }[];
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  readonly failures: readonly Failure[];
  readonly bursts: readonly Burst[];
}

/** Median and quartiles over the calm rounds. */
export interface Ratio extends Spread {
  readonly rounds: number;
  readonly disturbed: boolean;
}

function ratio({ values, disturbed }: Ratios): Ratio {
  return { ...spread(values), rounds: values.length, disturbed };
}

/** One contender under one load. */
export interface Result {
  readonly load: string;
  readonly contender: string;
  readonly ratio: Ratio;
  readonly cpuMicrosPerRequest: Spread;
  readonly requestsPerSecond: Spread;
  /** Microseconds, medians of the bursts. */
  readonly p50: number;
  readonly p99: number;
  /** p99 as a multiple of the reference's, round by round. */
  readonly p99Ratio: Ratio;
  /** New upstream connections for a thousand requests. */
  readonly connectionsPerThousand: number;
}

/** CPU per request of one contender by that of another; not against the reference. */
export interface Comparison {
  readonly load: string;
  readonly of: string;
  readonly by: string;
  readonly ratio: Ratio;
}

export function results(report: Report): Result[] {
  return report.loads.flatMap(({ name: load }) =>
    report.contenders.flatMap(({ name: contender }) => {
      const bursts = report.bursts.filter((burst) => burst.load === load && burst.contender === contender);
      if (bursts.length === 0) return [];
      const requests = bursts.reduce((sum, burst) => sum + burst.requests, 0);
      return [
        {
          load,
          contender,
          ratio: ratio(ratios(report.bursts, load, contender, report.reference)),
          cpuMicrosPerRequest: spread(bursts.map((burst) => burst.cpuMicrosPerRequest)),
          requestsPerSecond: spread(bursts.map((burst) => burst.requestsPerSecond)),
          p50: spread(bursts.map((burst) => burst.p50)).median,
          p99: spread(bursts.map((burst) => burst.p99)).median,
          p99Ratio: ratio(ratios(report.bursts, load, contender, report.reference, 'p99')),
          connectionsPerThousand: (bursts.reduce((sum, burst) => sum + burst.upstreamConnections, 0) / requests) * 1000,
        },
      ];
    }),
  );
}

export function comparisons(report: Report): Comparison[] {
  const names = report.contenders.map(({ name }) => name);
  if (!names.includes('tokenward')) return [];
  return names
    .filter((name) => name === 'naive' || isOtherBuild(name))
    .flatMap((of) =>
      report.loads.flatMap(({ name: load }) => {
        const found = ratios(report.bursts, load, of, 'tokenward');
        return found.values.length === 0 ? [] : [{ load, of, by: 'tokenward', ratio: ratio(found) }];
      }),
    );
}

export const number = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const times = ({ low, median, high, rounds, disturbed }: Ratio): string =>
  `${number(median, 2).padStart(6)}  (${number(low, 2)} to ${number(high, 2)}) ${rounds}${disturbed ? '!' : ''}`;

function floorLines({ floor, bursts }: Report): string[] {
  if (floor === undefined) return [];
  const late = bursts.map((burst) => burst.late).filter((value) => value !== undefined);
  const median = (values: number[]): string => number(spread(values).median / 1000, 2);
  return [
    `  Latencies count from the intended send time. Straight to the upstream: p50 ${number(floor.p50 / 1000, 2)} ms, p99 ${number(floor.p99 / 1000, 2)} ms.`,
    ...(late.length === 0
      ? []
      : [
          `  The generator's own error: it sent ${median(late.map(({ p50 }) => p50))} ms (p50) and ${median(late.map(({ p99 }) => p99))} ms (p99) late.`,
        ]),
  ];
}

export function render(report: Report): string {
  const { machine, reference } = report;
  const lines: string[] = [];
  const wide = Math.max(...report.contenders.map(({ name }) => name.length));
  const all = results(report);
  for (const { name: load, perSecond } of report.loads) {
    const atRate = perSecond !== undefined;
    lines.push(
      '',
      `${load}: CPU time per request, as a multiple of ${reference}; median (quartiles) and number of paired rounds`,
    );
    lines.push(
      `  ${''.padEnd(wide)}  ${`x ${reference}`.padStart(6).padEnd(30)}${'µs/request'.padStart(12)}${'requests/s'.padStart(12)}${'connections/1000'.padStart(18)}${atRate ? `${'p50 ms'.padStart(10)}${'p99 ms'.padStart(10)}   p99 x ${reference}` : ''}`,
    );
    for (const result of all.filter((one) => one.load === load)) {
      const isReference = result.contender === reference;
      const latencies = atRate
        ? `${number(result.p50 / 1000, 2).padStart(10)}${number(result.p99 / 1000, 2).padStart(10)}   ${isReference ? '1' : times(result.p99Ratio).trim()}`
        : '';
      lines.push(
        `  ${result.contender.padEnd(wide)}  ${(isReference ? '  1' : times(result.ratio)).padEnd(30)}${number(result.cpuMicrosPerRequest.median, 1).padStart(12)}${number(result.requestsPerSecond.median, 0).padStart(12)}${number(result.connectionsPerThousand, 1).padStart(18)}${latencies}`,
      );
    }
    for (const one of comparisons(report).filter((pair) => pair.load === load))
      lines.push(`  ${one.of} ÷ ${one.by}: ${times(one.ratio).trim()}`);
    if (atRate) lines.push(...floorLines(report));
  }
  lines.push(
    '',
    `${machine.cpus} CPU${machine.cpus === 1 ? '' : 's'}, ${machine.model}, Linux ${machine.kernel}, Node ${machine.node}`,
  );
  lines.push(
    machine.pinning === undefined
      ? 'Not pinned: there is one CPU only, or no taskset. Contender, upstream and load disturb each other.'
      : `Contenders on CPU ${machine.pinning.proxy}; upstream and load on CPU ${machine.pinning.others}.`,
  );
  lines.push(`Upstream: ${report.upstream}. Load: ${report.load}; bursts of ${report.burstSeconds} s.`);
  for (const { name, version, about } of report.contenders) lines.push(`  ${name.padEnd(wide)}  ${version}: ${about}`);
  for (const { name, why } of report.leftOut) lines.push(`  left out: ${name}, because ${why}`);
  for (const { contender, load, why } of report.failures) lines.push(`  failed: ${contender} under ${load}: ${why}`);
  if (report.otherLoads.length > 0) lines.push(`  not measured: ${report.otherLoads.join(', ')}`);
  if (report.profiled) lines.push('tokenward ran under the profiler: its figures are not comparable.');
  const disturbances = report.bursts.map((burst) => burst.disturbance).filter((value) => value !== undefined);
  if (disturbances.length > 0) {
    const { median, high } = spread(disturbances);
    const rough = all.some((one) => one.ratio.disturbed);
    lines.push(
      `Others used the contenders' CPU for ${number(median * 100, 0)} % of a burst (upper quartile ${number(high * 100, 0)} %). Pairs of bursts with more than ${CALM * 100} % do not count${rough ? ', except where "!" says that too few would be left: those ratios are rough' : ''}.`,
    );
  }
  return `${lines.join('\n')}\n`;
}
