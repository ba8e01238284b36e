/*
 * Deadlines that lean on one another. Whoever changes one looks at the inequality beside it: a deadline that ends
 * before the one inside it cuts what was about to succeed, and a token call that is cut may lose the only good refresh
 * token. Tests check every inequality, and that the files below deploy/ and helm/ allow what a stop needs.
 */

/** One call to a token endpoint, from its beginning to the last byte of the answer. */
export const TOKEN_REQUEST_MS = 15_000;
/**
 * A write to the store is waited for so long; then it counts as failed. Redis: twice its `commandTimeout`, which is
 * less unless a user has raised it.
 */
export const STORE_WRITE_MS = 4_000;

/**
 * A holder's right to renew, prolonged every third of it. One prolongation may fail, and the holder must still have its
 * answer and its record written: `TOKEN_CALL_MS + STORE_WRITE_MS <= LEASE_TTL_MS * 2 / 3`.
 */
export const LEASE_TTL_MS = 30_000;
/**
 * By our own clock, less a tenth in case the store's runs faster: older than that, the lease may be somebody else's.
 * `LEASE_TTL_MS / 3 < LEASE_SURE_MS < LEASE_TTL_MS`.
 */
export const LEASE_SAFE_MS = 0.9 * LEASE_TTL_MS;
/**
 * How long one process waits for another one's renewal: for one call and its record, `TOKEN_CALL_MS + STORE_WRITE_MS
 * <= LEASE_WAIT_MS`.
 */
export const LEASE_WAIT_MS = 20_000;
/**
 * A call that took longer than this gets no quick second try: its callers have waited long enough. `QUICK_CALL_MS <
 * TOKEN_CALL_MS`.
 */
export const QUICK_REQUEST_MS = 5_000;
/**
 * A flight's callers wait so long at most: for the lease, a refresh and the login after it, each with a quick first
 * try before it, and room for four writes.
 */
export const FLIGHT_MS = LEASE_WAIT_MS + 2 * (QUICK_REQUEST_MS + TOKEN_REQUEST_MS) + 4 * STORE_WRITE_MS;
/**
 * The primary waits for a worker's renewal by hand; it is the worker's own deadline that should be heard: `FLIGHT_MS <
 * RENEW_ANSWER_MS`.
 */
export const RENEW_RESPONSE_MS = FLIGHT_MS + 5_000;

/** A new token that the store does not take is offered to it for so long once the process is to end. */
export const FINAL_SAVES_MS = 12_000;
/**
 * The longest that a renewal under way may take once requests have ended. No call is begun any more, but one may just
 * be: the login is debited, the note of it written, the endpoint called, the answer written, and offered again and
 * again if the store does not take it, the last time at the very end.
 */
export const RENEWAL_STOP_MS = 2 * STORE_WRITE_MS + TOKEN_REQUEST_MS + STORE_WRITE_MS + FINAL_SAVES_MS + STORE_WRITE_MS;
/**
 * A worker that is to stop is killed so long after its time for requests (`shutdown.delay` + `shutdown.drain`):
 * `RENEWAL_ENDS_MS < WORKER_ENDS_MS`.
 */
export const WORKER_STOP_MS = RENEWAL_STOP_MS + 2_000;
/** The operator port's own time at the end. */
export const OPERATOR_STOP_MS = 1_000;
/** How long after its end a worker's last words may take to be read. */
export const FINAL_MESSAGES_MS = 1_000;
/**
 * What a stop may need beyond `shutdown.delay` + `shutdown.drain`. A supervisor that kills any sooner (systemd's
 * TimeoutStopSec, compose's stop_grace_period, Kubernetes' terminationGracePeriodSeconds) may lose a refresh token:
 * `WORKER_ENDS_MS + LAST_WORDS_MS + OPERATOR_ENDS_MS <= STOP_ENDS_MS`, and their limit is `>= delay + drain +
 * STOP_ENDS_MS`.
 */
export const STOP_MARGIN_MS = 48_000;
