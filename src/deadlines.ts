/*
 * Deadlines that depend on one another. If you change one, check the inequality beside it: a deadline shorter than the
 * one inside it cuts off what was about to succeed, and a request to a token endpoint that is cut off may lose the only
 * good refresh token. Tests check every inequality, and that the files below deploy/ and helm/ allow the time a stop
 * needs.
 */

/** One request to a token endpoint, up to the last byte of the response. */
export const TOKEN_REQUEST_MS = 15_000;
/**
 * A write to the store counts as failed after this time. Redis: twice its `commandTimeout`, which is less unless
 * configured higher.
 */
export const STORE_WRITE_MS = 4_000;

/**
 * The lifetime of a lease, which is extended every third of it. One extension may fail, and the holder must still be
 * able to receive and store the token: `TOKEN_REQUEST_MS + STORE_WRITE_MS <= LEASE_TTL_MS * 2 / 3`.
 */
export const LEASE_TTL_MS = 30_000;
/**
 * After this time, by our own clock, the lease may belong to another process; a tenth is left in case the store's clock
 * is faster. `LEASE_TTL_MS / 3 < LEASE_SAFE_MS < LEASE_TTL_MS`.
 */
export const LEASE_SAFE_MS = 0.9 * LEASE_TTL_MS;
/**
 * How long a process waits for a renewal of another one: one request and its record. `TOKEN_REQUEST_MS + STORE_WRITE_MS
 * <= LEASE_WAIT_MS`.
 */
export const LEASE_WAIT_MS = 20_000;
/**
 * A request that took longer is not repeated at once: those who wait for it have waited long enough. `QUICK_REQUEST_MS
 * < TOKEN_REQUEST_MS`.
 */
export const QUICK_REQUEST_MS = 5_000;
/**
 * How long requests wait for a single flight at most: for the lease, a refresh and the login after it, each with a
 * quick first attempt, and four writes.
 */
export const FLIGHT_MS = LEASE_WAIT_MS + 2 * (QUICK_REQUEST_MS + TOKEN_REQUEST_MS) + 4 * STORE_WRITE_MS;
/**
 * How long the primary waits for a worker's renewal by hand. The worker's own deadline must end first: `FLIGHT_MS <
 * RENEW_RESPONSE_MS`.
 */
export const RENEW_RESPONSE_MS = FLIGHT_MS + 5_000;

/** During a stop, how long a new token is offered to a store that fails. */
export const FINAL_SAVES_MS = 12_000;
/**
 * The longest that a renewal may take once requests have ended. No new request to a token endpoint is begun, but one
 * may just have been: the login is counted, the spend note written, the request sent, the response stored, again and
 * again if the store fails, and a last time at the very end.
 */
export const RENEWAL_STOP_MS = 2 * STORE_WRITE_MS + TOKEN_REQUEST_MS + STORE_WRITE_MS + FINAL_SAVES_MS + STORE_WRITE_MS;
/**
 * A stopping worker is killed this long after its time for requests (`shutdown.delay` + `shutdown.drain`):
 * `RENEWAL_STOP_MS < WORKER_STOP_MS`.
 */
export const WORKER_STOP_MS = RENEWAL_STOP_MS + 2_000;
/**
 * How long a stopping process waits for the spans that it has left, after its last renewal:
 * `RENEWAL_STOP_MS + TRACES_STOP_MS < WORKER_STOP_MS`.
 */
export const TRACES_STOP_MS = 1_500;
/** The time in which the operator port drains. */
export const OPERATOR_STOP_MS = 1_000;
/** How long the primary reads a worker's remaining messages after its end. */
export const FINAL_MESSAGES_MS = 1_000;
/**
 * What a stop may need in addition to `shutdown.delay` + `shutdown.drain`. A supervisor that kills earlier (systemd's
 * TimeoutStopSec, compose's stop_grace_period, Kubernetes' terminationGracePeriodSeconds) may lose a refresh token:
 * `WORKER_STOP_MS + FINAL_MESSAGES_MS + OPERATOR_STOP_MS <= STOP_MARGIN_MS`, and their limit is `>= delay + drain +
 * STOP_MARGIN_MS`.
 */
export const STOP_MARGIN_MS = 48_000;
