import type { Load } from './load.ts';
import type { Machine } from './machine.ts';
import { CALM, ratios, spread, type Burst, type Ratios, type Spread } from './measure.ts';
import { isOtherBuild } from './peers/all.ts';

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
  /** What ratios are taken against. */
  readonly reference: string;
  readonly contenders: readonly { readonly name: string; readonly about: string; readonly version: string }[];
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
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
  return report.loads.flatMap(({ name: load }) => report.contenders.map(({ name: contender }) => {
    const bursts = report.bursts.filter((burst) => burst.load === load && burst.contender === contender);
    const requests = bursts.reduce((sum, burst) => sum + burst.requests, 0);
    return {
      load, contender,
      ratio: ratio(ratios(report.bursts, load, contender, report.reference)),
      cpuMicrosPerRequest: spread(bursts.map((burst) => burst.cpuMicrosPerRequest)),
      requestsPerSecond: spread(bursts.map((burst) => burst.requestsPerSecond)),
      connectionsPerThousand: (bursts.reduce((sum, burst) => sum + burst.upstreamConnections, 0) / requests) * 1000,
    };
  }));
}

export function comparisons(report: Report): Comparison[] {
  const names = report.contenders.map(({ name }) => name);
  if (!names.includes('tokenward')) return [];
  return names.filter((name) => name === 'naive' || isOtherBuild(name))
    .flatMap((of) => report.loads.map(({ name: load }) => ({ load, of, by: 'tokenward', ratio: ratio(ratios(report.bursts, load, of, 'tokenward')) })));
}

const number = (value: number, digits: number): string => value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const times = ({ low, median, high, rounds, disturbed }: Ratio): string => `${number(median, 2).padStart(6)}  (${number(low, 2)} to ${number(high, 2)}) ${rounds}${disturbed ? '!' : ''}`;

export function render(report: Report): string {
  const { machine, reference } = report;
  const lines: string[] = [];
  const wide = Math.max(...report.contenders.map(({ name }) => name.length));
  const all = results(report);
  for (const { name: load } of report.loads) {
    lines.push('', `${load}: CPU time per request, as a multiple of ${reference}; median (quartiles) and number of paired rounds`);
    lines.push(`  ${''.padEnd(wide)}  ${`x ${reference}`.padStart(6).padEnd(30)}${'µs/request'.padStart(12)}${'requests/s'.padStart(12)}${'connections/1000'.padStart(18)}`);
    for (const result of all.filter((one) => one.load === load)) {
      const text = result.contender === reference ? '  1' : times(result.ratio);
      lines.push(`  ${result.contender.padEnd(wide)}  ${text.padEnd(30)}${number(result.cpuMicrosPerRequest.median, 1).padStart(12)}${number(result.requestsPerSecond.median, 0).padStart(12)}${number(result.connectionsPerThousand, 1).padStart(18)}`);
    }
    for (const one of comparisons(report).filter((pair) => pair.load === load)) lines.push(`  ${one.of} ÷ ${one.by}: ${times(one.ratio).trim()}`);
  }
  lines.push('', `${machine.cpus} CPU${machine.cpus === 1 ? '' : 's'}, ${machine.model}, Linux ${machine.kernel}, Node ${machine.node}`);
  lines.push(machine.pinning === undefined
    ? 'Not pinned: there is one CPU only, or no taskset. Contender, upstream and load disturb each other.'
    : `Contenders on CPU ${machine.pinning.proxy}; upstream and load on CPU ${machine.pinning.others}.`);
  lines.push(`Upstream: ${report.upstream}. Load: ${report.load}; bursts of ${report.burstSeconds} s.`);
  for (const { name, version, about } of report.contenders) lines.push(`  ${name.padEnd(wide)}  ${version}: ${about}`);
  for (const { name, why } of report.leftOut) lines.push(`  left out: ${name}, because ${why}`);
  if (report.profiled) lines.push('tokenward ran under the profiler: its figures are not comparable.');
  const disturbances = report.bursts.map((burst) => burst.disturbance).filter((value) => value !== undefined);
  if (disturbances.length > 0) {
    const { median, high } = spread(disturbances);
    const rough = all.some((one) => one.ratio.disturbed);
    lines.push(`Others used the contenders' CPU for ${number(median * 100, 0)} % of a burst (upper quartile ${number(high * 100, 0)} %). Pairs of bursts with more than ${CALM * 100} % do not count${rough ? ', except where "!" says that too few would be left: those ratios are rough' : ''}.`);
  }
  return `${lines.join('\n')}\n`;
}
