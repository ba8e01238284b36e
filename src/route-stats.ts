import { Distribution } from './distribution.ts';

/** From a cached response on the same host to the slowest allowed one. Seconds. */
export const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Of the upstream's first byte: fewer, because each route has them all. Seconds. */
export const FIRST_BYTE_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];
/** Of tokenward's own work: most requests take less than half a millisecond of it. Seconds. */
export const OVERHEAD_BUCKETS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1];
const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;

/**
 * One route's counts as plain numbers, converted to prom-client's form only when /metrics is read: hashing labels on
 * every request costs more than forwarding its headers.
 */
export class RouteStats {
  readonly #statuses = [0, 0, 0, 0];
  /** From the request's header section to the end of the response. */
  readonly duration = new Distribution(BUCKETS);
  /** Waiting for the upstream, in all attempts. */
  readonly upstream = new Distribution(BUCKETS);
  /** To the header section of the final response, in the last attempt. */
  readonly firstByte = new Distribution(FIRST_BYTE_BUCKETS);
  /** What is left until the response begins: neither the upstream's time, nor the token's, nor the client's. */
  readonly overhead = new Distribution(OVERHEAD_BUCKETS);
  inFlight = 0;
  /** Requests whose client left before there was a response; they are among the 4xx. */
  clientsLeft = 0;
  /** Responses that reject the token and were relayed: no renewal could help. */
  rejected = 0;
  /** Error responses that tokenward generated, by code. */
  readonly errors = new Map<string, number>();

  /**
   * Counts one finished request. `status` 499: the client left before there was a response. Returns the bucket of its
   * duration.
   */
  countFinished(status: number, seconds: number): number {
    if (status === 499) this.clientsLeft += 1;
    this.#statuses[Math.min(3, Math.max(0, Math.floor(status / 100) - 2))]! += 1;
    return this.duration.add(seconds);
  }

  /** Counts one error response of our own. */
  countError(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  statuses(): readonly (readonly [string, number])[] {
    return STATUS_CLASSES.map((name, index) => [name, this.#statuses[index]!] as const);
  }
}
