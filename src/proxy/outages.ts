import type { Logger } from '../log.ts';
import type { Clock } from '../tokens/clock.ts';

/** While a route's upstream cannot be reached, it has a line this often. ms. */
const LOG_INTERVAL_MS = 60_000;

interface Outage {
  /** Calls that found no upstream since the last line. */
  requests: number;
  loggedAt: number;
  /** When it began; undefined: the upstream can be reached. */
  since: number | undefined;
  /** It has had a line, so that its end has one too. */
  logged: boolean;
  upstream: string;
}

/**
 * Says in the log which upstream cannot be reached: at once, then once a minute while it lasts, and when it is over. An
 * upstream that comes and goes has no more lines than that.
 */
export class Outages {
  /** Some route's upstream cannot be reached: asked before `over`, with every answer. */
  active = false;
  readonly #routes = new Map<string, Outage>();
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** A call found no connection. `upstream`: host and port. */
  failed(route: string, upstream: string, reason: string): void {
    const now = this.#clock.monotonic();
    let outage = this.#routes.get(route);
    if (outage === undefined)
      this.#routes.set(
        route,
        (outage = { requests: 0, loggedAt: -Infinity, since: undefined, logged: false, upstream }),
      );
    outage.requests += 1;
    outage.since ??= now;
    this.active = true;
    if (now - outage.loggedAt < LOG_INTERVAL_MS) return;
    this.#log.warn('upstream cannot be reached', { route, upstream, reason, calls: outage.requests });
    outage.loggedAt = now;
    outage.requests = 0;
    outage.logged = true;
  }

  /** The route's upstream has answered. */
  recovered(route: string): void {
    const outage = this.#routes.get(route);
    if (outage?.since === undefined) return;
    const { logged, requests, since, upstream } = outage;
    outage.since = undefined;
    this.active = [...this.#routes.values()].some((one) => one.since !== undefined);
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
}
