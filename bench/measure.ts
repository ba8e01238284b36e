import { cpuBusySeconds, cpuSeconds } from './machine.ts';
import type { Load, LoadGenerator } from './load.ts';
import type { Peer, RunningPeer } from './peers/peer.ts';
import { BenchError, TooMuch } from './processes.ts';
import type { Upstream } from './upstream.ts';

export interface Contender {
  readonly peer: Peer;
  readonly running: RunningPeer;
}

/** One short burst on one contender. */
export interface Burst {
  readonly round: number;
  readonly load: string;
  readonly contender: string;
  readonly requests: number;
  readonly seconds: number;
  /** CPU time of the contender's processes: seconds. */
  readonly cpu: number;
  /** What was under way when the load stopped counts half: its work is done in part. */
  readonly cpuMicrosPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** How late the generator sent, at a constant rate: microseconds. */
  readonly late?: { readonly p50: number; readonly p99: number };
  /** What the upstream counted meanwhile. */
  readonly upstreamRequests: number;
  readonly upstreamConnections: number;
  /** The part of the burst for which others had the contender's CPU; undefined without pinning. */
  readonly disturbance: number | undefined;
}

/** A contender that could not carry a load. */
export interface Failure {
  readonly contender: string;
  readonly load: string;
  readonly why: string;
  /** From then on it is spared that load. */
  readonly final: boolean;
}

export interface Rounds {
  readonly bursts: readonly Burst[];
  readonly failures: readonly Failure[];
  readonly rounds: number;
}

export interface Plan {
  readonly loads: readonly Load[];
  readonly rounds: number;
  readonly burstSeconds: number;
  /** Nothing begins after this moment (ms since the epoch), a round begun is finished. */
  readonly until: number;
  readonly proxyCpu: number | undefined;
  readonly progress: (text: string) => void;
}

/** Time for requests that were under way when the load stopped. ms */
const SETTLE = 40;

export async function oneBurst(
  generator: LoadGenerator,
  upstream: Upstream,
  { peer, running }: Contender,
  load: Load,
  round: number,
  plan: Pick<Plan, 'burstSeconds' | 'proxyCpu'>,
): Promise<Burst> {
  const before = await upstream.counts();
  const busyBefore = plan.proxyCpu === undefined ? 0 : cpuBusySeconds(plan.proxyCpu);
  const cpuBefore = cpuSeconds(running.pids);
  const { requests, seconds, p50, p99, late } = await generator.burst(peer.name, running.port, load, plan.burstSeconds);
  await new Promise((resolve) => setTimeout(resolve, SETTLE));
  const cpu = cpuSeconds(running.pids) - cpuBefore;
  const busy = plan.proxyCpu === undefined ? 0 : cpuBusySeconds(plan.proxyCpu) - busyBefore;
  const after = await upstream.counts();
  if (cpu <= 0) throw new BenchError(`${peer.name}: no CPU time was counted; is its process still there?`);
  const upstreamRequests = Math.floor((after.requests - before.requests) / load.upstreamCounts);
  if (upstreamRequests < requests)
    throw new BenchError(
      `${peer.name}, ${load.name}: ${requests} requests were answered, but only ${upstreamRequests} reached the upstream`,
    );
  return {
    round,
    load: load.name,
    contender: peer.name,
    requests,
    seconds,
    cpu,
    cpuMicrosPerRequest: (cpu / ((requests + upstreamRequests) / 2)) * 1e6,
    requestsPerSecond: requests / seconds,
    p50,
    p99,
    ...(late !== undefined && { late }),
    upstreamRequests,
    upstreamConnections: Math.floor((after.connections - before.connections) / load.upstreamCounts),
    disturbance: plan.proxyCpu === undefined ? undefined : Math.max(0, busy - cpu) / seconds,
  };
}

/**
 * Lets every contender's compiler and connections settle, and sees that those who should keep upstream connections do.
 */
export async function warmUp(
  generator: LoadGenerator,
  upstream: Upstream,
  contenders: readonly Contender[],
  loads: readonly Load[],
  seconds: number,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const contender of contenders) {
    for (const load of loads) {
      const burst = await orFailure(contender, load, failures, () =>
        oneBurst(generator, upstream, contender, load, -1, { burstSeconds: seconds, proxyCpu: undefined }),
      );
      if (
        burst !== undefined &&
        contender.peer.keepsAlive &&
        burst.upstreamConnections > burst.requests / 10 + 2 * load.connections
      ) {
        throw new BenchError(
          `${contender.peer.name} opened ${burst.upstreamConnections} upstream connections for ${burst.requests} requests: its keep-alive is lost, and with it the comparison`,
        );
      }
    }
  }
  return failures;
}

/** A rate that was too much once may have met a bad moment of the machine; as often as this, it is too much. */
const TOO_MUCH_MOST = 3;

/**
 * What another contender cannot carry is noted and the run goes on; the reference and tokenward itself must not fail.
 */
async function orFailure(
  contender: Contender,
  load: Load,
  failures: Failure[],
  run: () => Promise<Burst>,
): Promise<Burst | undefined> {
  const { name, mustNotFail } = contender.peer;
  if (givenUp(failures, name, load.name)) return undefined;
  try {
    return await run();
  } catch (error) {
    const tooMuch = error instanceof TooMuch;
    if (!(error instanceof BenchError) || (mustNotFail === true && !tooMuch)) throw error;
    failures.push({ contender: name, load: load.name, why: error.message, final: !tooMuch });
    return undefined;
  }
}

function givenUp(failures: readonly Failure[], contender: string, load: string): boolean {
  const own = failures.filter((failure) => failure.contender === contender && failure.load === load);
  return own.some(({ final }) => final) || own.length >= TOO_MUCH_MOST;
}

/** Rounds of paired bursts: in each round every load goes once to every contender, in an order of its own. */
export async function measure(
  generator: LoadGenerator,
  upstream: Upstream,
  contenders: readonly Contender[],
  plan: Plan,
  known: readonly Failure[] = [],
): Promise<Rounds> {
  const bursts: Burst[] = [];
  const failures = [...known];
  let round = 0;
  let longest = 0;
  for (; round < plan.rounds && (round < 2 || Date.now() + longest < plan.until); round += 1) {
    const start = Date.now();
    plan.progress(`round ${round + 1}`);
    for (const load of plan.loads) {
      for (const contender of shuffled(contenders)) {
        const burst = await orFailure(contender, load, failures, () =>
          oneBurst(generator, upstream, contender, load, round, plan),
        );
        if (burst !== undefined) bursts.push(burst);
      }
    }
    longest = Math.max(longest, Date.now() - start);
  }
  // Half a row would look like a whole one.
  return { bursts: bursts.filter((burst) => !givenUp(failures, burst.contender, burst.load)), failures, rounds: round };
}

function shuffled<T>(items: readonly T[]): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** Median and quartiles. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => {
    const place = (sorted.length - 1) * part;
    const below = sorted[Math.floor(place)]!;
    return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place));
  };
  return { low: at(0.25), median: at(0.5), high: at(0.75) };
}

/** The part of a burst others may have the contender's CPU for without the round counting as disturbed. */
export const CALM = 0.15;
/** With fewer calm rounds than this all are taken. */
const CALM_LEAST = 3;

export interface Ratios {
  readonly values: readonly number[];
  /** All rounds were taken because too few were calm. */
  readonly disturbed: boolean;
}

export type Metric = 'cpuMicrosPerRequest' | 'p50' | 'p99';

/**
 * CPU per request (or another figure) of one contender by that of another, round by round. Rounds in which other
 * programs disturbed either of the two do not count: cold caches make every request dearer, and not for all alike.
 */
export function ratios(
  bursts: readonly Burst[],
  load: string,
  contender: string,
  reference: string,
  metric: Metric = 'cpuMicrosPerRequest',
): Ratios {
  const of = (name: string): Map<number, Burst> =>
    new Map(
      bursts.filter((burst) => burst.load === load && burst.contender === name).map((burst) => [burst.round, burst]),
    );
  const below = of(reference);
  const pairs = [...of(contender)].flatMap(([round, above]) =>
    below.has(round) ? [{ above, below: below.get(round)! }] : [],
  );
  const calm = pairs.filter((pair) => Math.max(pair.above.disturbance ?? 0, pair.below.disturbance ?? 0) <= CALM);
  const disturbed = calm.length < CALM_LEAST && calm.length < pairs.length;
  return { values: (disturbed ? pairs : calm).map((pair) => pair.above[metric] / pair.below[metric]), disturbed };
}
