import type { CallerStats, Metrics } from '../metrics.ts';
import { BUCKETS, type RouteStats } from '../route-stats.ts';
import type { Clock } from '../tokens/clock.ts';

/** What happened on a route in one minute, in a form that can be sent and summed. */
export interface CountedMinute {
  /** The beginning of the minute. Wall-clock ms. */
  readonly at: number;
  readonly requests: number;
  readonly errorsOurs: number;
  readonly errorsTheirs: number;
  /** Relayed responses that reject the token. */
  readonly rejected: number;
  /** Our own errors, by code. */
  readonly codes: Readonly<Record<string, number>>;
  /** Requests by duration, as in BUCKETS, and the rest. */
  readonly buckets: readonly number[];
  /** The same of the upstream's time. */
  readonly upstream: readonly number[];
}

/** The same for people. Durations in ms; undefined: there was no request. */
export interface RouteMinute {
  readonly at: number;
  readonly requests: number;
  /** Error responses that tokenward generated. */
  readonly errorsOurs: number;
  /** Responses of the upstream with a status of 400 or more. */
  readonly errorsTheirs: number;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  /** Of the time at the upstream alone. */
  readonly upstreamP50: number | undefined;
}

/** What a caller has done lately. */
export interface CallerLately {
  readonly admitted: number;
  readonly refused: number;
}

const MINUTE_MS = 60_000;
/** Minutes that are kept of a route, and of a caller. */
const ROUTE_MINUTES = 60;
export const LATELY_MINUTES = 5;

interface Totals {
  readonly requests: number;
  readonly ours: number;
  readonly failed: number;
  readonly rejected: number;
  readonly codes: ReadonlyMap<string, number>;
  readonly buckets: readonly number[];
  readonly upstream: readonly number[];
}

const NOTHING: Totals = { requests: 0, ours: 0, failed: 0, rejected: 0, codes: new Map(), buckets: [], upstream: [] };

/**
 * The last hour of each route, minute by minute, from the counters that are there anyway: a request costs nothing more.
 * A minute without requests takes no memory.
 */
export class MinuteRings {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #routes = new Map<string, { minutes: CountedMinute[]; before: Totals }>();
  readonly #callers = new Map<string, { minutes: (CallerLately & { at: number })[]; before: CallerLately }>();
  #minute: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#minute = minuteOf(clock.wall());
    this.#schedule();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** The last hour of a route, oldest first; the last one may not be over. Minutes without requests are left out. */
  ofRoute(route: string): CountedMinute[] {
    this.#advance();
    const oldest = this.#minute - ROUTE_MINUTES * MINUTE_MS;
    const { minutes, before } = this.#routes.get(route) ?? { minutes: [], before: NOTHING };
    const stats = this.#metrics.routes.get(route);
    const present = stats && difference(this.#minute, totalsOf(stats), before);
    return [...minutes, ...(present ? [present] : [])].filter(({ at }) => at > oldest);
  }

  /** What a caller has done in the last five minutes. */
  ofCaller(caller: string): CallerLately {
    this.#advance();
    const stats = this.#metrics.callers.get(caller) ?? { admitted: 0, refused: 0 };
    const { minutes, before } = this.#callers.get(caller) ?? { minutes: [], before: { admitted: 0, refused: 0 } };
    const lately = minutes.filter(({ at }) => at > this.#minute - LATELY_MINUTES * MINUTE_MS);
    return {
      admitted: stats.admitted - before.admitted + sum(lately.map(({ admitted }) => admitted)),
      refused: stats.refused - before.refused + sum(lately.map(({ refused }) => refused)),
    };
  }

  /** By the wall clock, so that the minutes of several processes are the same ones. */
  #schedule(): void {
    const untilNext = MINUTE_MS - (this.#clock.wall() % MINUTE_MS);
    this.#timer = setTimeout(() => {
      this.#advance();
      this.#schedule();
    }, untilNext).unref();
  }

  /** Closes the minute that is over. */
  #advance(): void {
    const now = minuteOf(this.#clock.wall());
    if (now === this.#minute) return;
    const at = this.#minute;
    this.#minute = now;
    for (const [route, stats] of this.#metrics.routes) this.#closeRoute(route, stats, at);
    for (const [caller, stats] of this.#metrics.callers) this.#closeCaller(caller, stats, at);
  }

  #closeRoute(route: string, stats: RouteStats, at: number): void {
    const ring = this.#routes.get(route) ?? { minutes: [], before: NOTHING };
    const totals = totalsOf(stats);
    const minute = difference(at, totals, ring.before);
    const minutes = ring.minutes.filter((one) => one.at > this.#minute - ROUTE_MINUTES * MINUTE_MS);
    if (minute !== undefined) minutes.push(minute);
    this.#routes.set(route, { minutes, before: totals });
  }

  #closeCaller(caller: string, { admitted, refused }: CallerStats, at: number): void {
    const ring = this.#callers.get(caller) ?? { minutes: [], before: { admitted: 0, refused: 0 } };
    const { before } = ring;
    const minutes = ring.minutes.filter((one) => one.at > this.#minute - LATELY_MINUTES * MINUTE_MS);
    if (admitted !== before.admitted || refused !== before.refused)
      minutes.push({ at, admitted: admitted - before.admitted, refused: refused - before.refused });
    this.#callers.set(caller, { minutes, before: { admitted, refused } });
  }
}

/** The minutes of several processes, or of several routes, as one's. */
export function sumOfMinutes(all: readonly (readonly CountedMinute[])[]): CountedMinute[] {
  const byTime = new Map<number, CountedMinute>();
  for (const minute of all.flat()) {
    const known = byTime.get(minute.at);
    byTime.set(minute.at, known === undefined ? minute : added(known, minute));
  }
  return [...byTime.values()].sort((a, b) => a.at - b.at);
}

/** A minute for people. */
export function describeMinute(minute: CountedMinute): RouteMinute {
  const { at, requests, errorsOurs, errorsTheirs, buckets, upstream } = minute;
  const [p50, p95] = [quantile(buckets, 0.5), quantile(buckets, 0.95)];
  return { at, requests, errorsOurs, errorsTheirs, p50, p95, upstreamP50: quantile(upstream, 0.5) };
}

/** The time in ms within which such a share of the requests ended, interpolated as Prometheus does. */
function quantile(buckets: readonly number[], share: number): number | undefined {
  const total = sum(buckets);
  if (total === 0) return undefined;
  let below = 0;
  for (const [index, count] of buckets.entries()) {
    if (below + count < share * total || count === 0) {
      below += count;
      continue;
    }
    const from = index === 0 ? 0 : BUCKETS[index - 1]!;
    const to = BUCKETS[index] ?? from;
    return Math.round((from + (to - from) * ((share * total - below) / count)) * 100_000) / 100;
  }
  return BUCKETS.at(-1)! * 1000;
}

function totalsOf(stats: RouteStats): Totals {
  const { counts: buckets, count } = stats.duration;
  const failed = sum(stats.statuses().map(([name, number]) => (name === '4xx' || name === '5xx' ? number : 0)));
  return {
    requests: count,
    ours: sum([...stats.errors.values()]),
    failed: failed - stats.clientsLeft,
    rejected: stats.rejected,
    codes: new Map(stats.errors),
    buckets: [...buckets],
    upstream: [...stats.upstream.counts],
  };
}

/** Undefined: nothing happened. */
function difference(at: number, now: Totals, before: Totals): CountedMinute | undefined {
  const requests = now.requests - before.requests;
  const errorsOurs = now.ours - before.ours;
  if (requests === 0 && errorsOurs === 0) return undefined;
  const codes = [...now.codes].map(([code, count]) => [code, count - (before.codes.get(code) ?? 0)] as const);
  return {
    at,
    requests,
    errorsOurs,
    // What failed and was not ours. A request may have ended in another minute than its error.
    errorsTheirs: Math.max(0, now.failed - before.failed - errorsOurs),
    rejected: now.rejected - before.rejected,
    codes: Object.fromEntries(codes.filter(([, count]) => count > 0)),
    buckets: now.buckets.map((count, index) => count - (before.buckets[index] ?? 0)),
    upstream: now.upstream.map((count, index) => count - (before.upstream[index] ?? 0)),
  };
}

function added(a: CountedMinute, b: CountedMinute): CountedMinute {
  const codes = { ...a.codes };
  for (const [code, count] of Object.entries(b.codes)) codes[code] = (codes[code] ?? 0) + count;
  return {
    at: a.at,
    requests: a.requests + b.requests,
    errorsOurs: a.errorsOurs + b.errorsOurs,
    errorsTheirs: a.errorsTheirs + b.errorsTheirs,
    rejected: a.rejected + b.rejected,
    codes,
    buckets: a.buckets.map((count, index) => count + (b.buckets[index] ?? 0)),
    upstream: a.upstream.map((count, index) => count + (b.upstream[index] ?? 0)),
  };
}

function minuteOf(wall: number): number {
  return wall - (wall % MINUTE_MS);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
