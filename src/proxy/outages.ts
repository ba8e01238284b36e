import type { Logger } from '../log.ts';
import type { Clock } from '../tokens/clock.ts';

/** How often an ongoing outage of a route is logged. ms. */
const LOG_INTERVAL_MS = 60_000;

interface Outage {
  /** Requests that found no connection since the last log line. */
  requests: number;
  loggedAt: number;
  /** Start of the outage; undefined: the upstream can be reached. */
  since: number | undefined;
  /** The outage has been logged, so its end is logged too. */
  logged: boolean;
  upstream: string;
  reason: string;
  /** The beginning of the outage and the last failed request, for people. Wall-clock ms. */
  beganAt: number;
  failedAt: number;
}

/** An upstream that cannot be reached. Times are wall-clock ms. */
export interface OngoingOutage {
  readonly route: string;
  /** Host and port. */
  readonly upstream: string;
  readonly reason: string;
  readonly since: number;
  /** The last request that found no connection. */
  readonly failedAt: number;
}

/**
 * Logs upstreams that cannot be reached: at once, then once a minute during the outage, and at its end. An upstream
 * that comes and goes gets no more lines than that.
 */
export class Outages {
  /** Some route has an outage. Read at every response, before `recovered`. */
  active = false;
  readonly #routes = new Map<string, Outage>();
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** A request found no connection. `upstream`: host and port. */
  failed(route: string, upstream: string, reason: string): void {
    const now = this.#clock.monotonic();
    let outage = this.#routes.get(route);
    if (outage === undefined)
      this.#routes.set(
        route,
        (outage = {
          requests: 0,
          loggedAt: -Infinity,
          since: undefined,
          logged: false,
          upstream,
          reason,
          beganAt: 0,
          failedAt: 0,
        }),
      );
    outage.requests += 1;
    outage.reason = reason;
    outage.failedAt = this.#clock.wall();
    if (outage.since === undefined) outage.beganAt = outage.failedAt;
    outage.since ??= now;
    this.active = true;
    if (now - outage.loggedAt < LOG_INTERVAL_MS) return;
    this.#log.warn('upstream cannot be reached', { route, upstream, reason, calls: outage.requests });
    outage.loggedAt = now;
    outage.requests = 0;
    outage.logged = true;
  }

  /** Other routes from now on, by name with their origin: an outage of another upstream is none of theirs. */
  retain(origins: ReadonlyMap<string, string>): void {
    for (const [route, { upstream }] of this.#routes) {
      const origin = origins.get(route);
      if (origin === undefined || hostPortOf(origin) !== upstream) this.#routes.delete(route);
    }
    this.#noteActive();
  }

  /** The outages that have not ended, for the operator. */
  ongoing(): OngoingOutage[] {
    return [...this.#routes].flatMap(([route, { since, upstream, reason, beganAt, failedAt }]) =>
      since === undefined ? [] : [{ route, upstream, reason, since: beganAt, failedAt }],
    );
  }

  /** The route's upstream has responded. */
  recovered(route: string): void {
    const outage = this.#routes.get(route);
    if (outage?.since === undefined) return;
    const { logged, requests, since, upstream } = outage;
    outage.since = undefined;
    this.#noteActive();
    if (!logged) return;
    outage.logged = false;
    outage.requests = 0;
    this.#log.info('upstream reachable again', {
      route,
      upstream,
      calls: requests,
      seconds: Math.round((this.#clock.monotonic() - since) / 100) / 10,
    });
  }

  #noteActive(): void {
    this.active = [...this.#routes.values()].some((one) => one.since !== undefined);
  }
}

/** The host of an origin with its port. */
export function hostPortOf(origin: string): string {
  const { protocol, hostname, port } = new URL(origin);
  return `${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`;
}
