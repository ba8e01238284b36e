/**
 * Every answer tokenward gives by itself, one line each: stable code, status, what happened, what the caller can do.
 * Ours are never 401 but for the caller's own missing key: elsewhere that word belongs to the upstream.
 */
const ERRORS = {
  route_unknown:          [404, 'No route matches this path.', 'Begin the path with the prefix of a configured route.'],
  host_refused:           [403, 'No host of this name is served here.', 'Call this proxy by its address, or ask the operator to add the name to listen.hosts.'],
  cross_site_refused:     [403, 'Requests from pages of other sites are refused.', 'Call from a program. For a page of your own the operator adds its host to listen.hosts, or gives callers keys.'],
  required_header_missing: [403, 'A header field that every request needs here is missing.', 'Send the field that the operator has set as listen.requireHeader, with any value.'],
  caller_key_missing:     [401, 'A caller key is required.', 'Send the key as "X-Tokenward-Key: <key>" or "Authorization: Bearer <key>".'],
  caller_key_unknown:     [403, 'The key sent is not the key of a configured caller.', 'Check the key, or ask the operator for one.'],
  caller_not_allowed:     [403, 'This caller may not use this route.', 'Ask the operator to add the route to the caller.'],
  too_many_wrong_keys:    [429, 'Too many wrong keys came from this address.', 'Wait for Retry-After, then send the right key.'],
  caller_check_failed:    [503, 'The key set that callers\' tokens are checked against could not be fetched.', 'Try again after Retry-After.'],
  policy_refused:         [403, 'The policy of this route refuses this request.', 'Ask the operator to allow this method and path in the route\'s policy.'],
  too_many_requests:      [503, 'The limit of requests at the same time is reached.', 'Try again after Retry-After. The operator can raise limits.inFlight, or the share of it that the detail names.'],
  login_path_refused:     [403, 'This is a login or refresh path of the upstream; tokenward logs in itself.', 'Call the API directly: tokenward adds the token. For an application that cannot do without its own login, the operator sets legacyLogin: answer on the route.'],
  request_malformed:      [400, 'The request is not well-formed HTTP.', 'Correct the request.'],
  request_target_refused: [400, 'The request target is ambiguous or not allowed.', 'Send a plain path without dot segments, encoded slashes or control characters. If the upstream needs encoded characters, the operator sets encodedPaths: pass on the route.'],
  target_too_long:        [414, 'The request target is too long.', 'Shorten the path or the query.'],
  method_refused:         [405, 'This method is not supported.', 'Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, as far as the route allows them.'],
  loop_detected:          [508, 'This request has come through this proxy before.', 'The operator must correct an upstream address that leads back here.'],
  body_too_large:         [413, 'The request body is larger than this route allows.', 'Send less, or ask the operator to raise maxBody on the route.'],
  body_timeout:           [408, 'The request body stopped arriving.', 'Send the whole body without long pauses.'],
  headers_too_large:      [431, 'The request header is larger than allowed.', 'Send fewer or shorter header fields, or ask the operator to raise limits.headerBytes.'],
  expectation_failed:     [417, 'The only supported expectation is 100-continue.', 'Send Expect: 100-continue, once, or none.'],
  upgrade_refused:        [501, 'Protocol upgrades are not supported.', 'Use plain HTTP requests.'],
  account_missing:        [400, 'This route needs the name of an account, and the request has none.', 'Name the account in the header that the route asks for, or ask the operator to give this caller an account.'],
  account_not_allowed:    [403, 'This account may not be used here by this caller.', 'Ask the operator to allow it: accountFrom.allow of the route, accounts of the caller.'],
  account_unknown:        [404, 'There is no such account for this route.', 'Check the name, or ask the operator to add the account.'],
  credential_dead:        [503, 'The account\'s credentials do not work; tokenward waits until a person corrects them.', 'The operator must correct the credentials and restart tokenward (an imported refresh token: tokenward import ACCOUNT). If the credentials are right after all: tokenward renew ACCOUNT.'],
  login_budget_exhausted: [503, 'The account\'s login budget is used up.', 'Try again after Retry-After. The operator can spend a login of the reserve: tokenward renew ACCOUNT --use-reserve.'],
  token_unavailable:      [503, 'The account has no usable token, and none can be fetched now.', 'Try again after Retry-After.'],
  too_many_waiting:       [503, 'Too many requests wait for this account\'s token.', 'Try again after Retry-After. The operator can raise limits.waitingPerAccount.'],
  store_unavailable:      [503, 'The token store cannot be read or written.', 'Try again after Retry-After. The operator finds the cause in the log and with tokenward status.'],
  shutting_down:          [503, 'This proxy is shutting down.', 'Try again.'],
  upstream_unreachable:   [502, 'The upstream could not be reached.', 'Try again later; the request did not arrive there.'],
  upstream_broken:        [502, 'The upstream broke the connection or sent what is not HTTP before a usable answer.', 'Check whether the call took effect before repeating it.'],
  upstream_timeout:       [504, 'The upstream took too long to answer.', 'Check whether the call took effect before repeating it.'],
  internal:               [500, 'An unexpected fault inside tokenward.', 'See the log of tokenward for this time.'],
} as const satisfies Record<string, readonly [status: number, title: string, advice: string]>;

/** A stable error code, as seen in `code` of the body, in `x-tokenward-error` and in the metric label `reason`. */
export type ErrorCode = keyof typeof ERRORS;

/** All codes, for docs and the tests that compare both. */
export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];

/**
 * An answer of our own. `detail` reaches the caller: it must hold nothing secret and nothing an upstream said.
 * `retryAfter` is in seconds.
 */
export class TokenwardError extends Error {
  override readonly name = 'TokenwardError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, options: { detail?: string; retryAfter?: number; cause?: unknown } = {}) {
    super(options.detail ?? ERRORS[code][1], 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.status = ERRORS[code][0];
    this.retryAfter = options.retryAfter === undefined ? undefined : Math.max(1, Math.ceil(options.retryAfter));
    this.detail = options.detail;
  }
}

/** The error as an RFC 9457 problem document, its only form on the wire. */
export function problemDocument(error: TokenwardError): string {
  const { code, status } = error;
  const [, title, advice] = ERRORS[code];
  return `${JSON.stringify({ type: `urn:tokenward:error:${code}`, title, status, code, ...(error.detail !== undefined && { detail: error.detail }), advice })}\n`;
}
