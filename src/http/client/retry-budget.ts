/** Retries allowed per request; the window for counting them (ms); the number that is always allowed within it. */
const RETRY_SHARE = 0.1;
const WINDOW_MS = 10_000;
const MIN_RETRIES = 10;

/** Limits retries to a tenth of the requests, so that an upstream in trouble does not get twice the load. */
export class RetryBudget {
  #windowStart = 0;
  #requests = 0;
  #retries = 0;
  #lastRequests = 0;
  #lastRetries = 0;

  /** Counts one request. `now` is monotonic, ms. */
  countRequest(now: number): void {
    this.#rotate(now);
    this.#requests += 1;
  }

  /** Counts one retry. False: none is left. */
  tryTake(now: number): boolean {
    this.#rotate(now);
    if (this.#retries + this.#lastRetries >= Math.max(MIN_RETRIES, RETRY_SHARE * (this.#requests + this.#lastRequests)))
      return false;
    this.#retries += 1;
    return true;
  }

  #rotate(now: number): void {
    if (now - this.#windowStart < WINDOW_MS) return;
    const stale = now - this.#windowStart >= 2 * WINDOW_MS;
    this.#lastRequests = stale ? 0 : this.#requests;
    this.#lastRetries = stale ? 0 : this.#retries;
    this.#requests = 0;
    this.#retries = 0;
    this.#windowStart = now;
  }
}
