/** Retries allowed per request, the window they are counted over (ms), and how many are always allowed in it. */
const RETRY_SHARE = 0.1;
const WINDOW_MS = 10_000;
const MIN_RETRIES = 10;

/** Keeps retries to a tenth of the requests, so that an upstream in trouble is not given twice the load. */
export class RetryBudget {
  #since = 0;
  #requests = 0;
  #retries = 0;
  #lastRequests = 0;
  #lastRetries = 0;

  /** Counts one request. `now` is monotonic, ms. */
  request(now: number): void {
    this.#turn(now);
    this.#requests += 1;
  }

  /** Takes one retry, if there is one left. */
  take(now: number): boolean {
    this.#turn(now);
    if (this.#retries + this.#lastRetries >= Math.max(MIN_RETRIES, RETRY_SHARE * (this.#requests + this.#lastRequests)))
      return false;
    this.#retries += 1;
    return true;
  }

  #turn(now: number): void {
    if (now - this.#since < WINDOW_MS) return;
    const stale = now - this.#since >= 2 * WINDOW_MS;
    this.#lastRequests = stale ? 0 : this.#requests;
    this.#lastRetries = stale ? 0 : this.#retries;
    this.#requests = 0;
    this.#retries = 0;
    this.#since = now;
  }
}
