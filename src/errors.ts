/** What a forward proxy asks of a client without a key (RFC 9110 §11.7.1). */
export const PROXY_CHALLENGE = 'Basic realm="tokenward"';

/**
 * Every error response that tokenward generates, one line each: stable code, status, what happened, what to do next.
 * Only a missing caller key is a 401: every other 401 comes from the upstream.
 */
const ERRORS = {
  route_unknown: [404, 'No route matches this path.', 'Begin the path with the prefix of a configured route.'],
  host_refused: [
    403,
    'This host name is not served here.',
    'Call this proxy by its address, or ask the operator to add the name to listen.hosts.',
  ],
  cross_site_refused: [
    403,
    'Cross-site requests from browsers are refused.',
    'Call from a program. For a page of your own, the operator adds its host to listen.hosts or gives callers keys.',
  ],
  required_header_missing: [
    403,
    'A required header field is missing.',
    'Send the header field that listen.requireHeader names, with any value.',
  ],
  caller_key_missing: [
    401,
    'Caller authentication is required.',
    'Send the key as "X-Tokenward-Key: <key>" or "Authorization: Bearer <key>".',
  ],
  proxy_key_missing: [
    407,
    'Proxy authentication is required.',
    'Name the proxy with the key: http://NAME:KEY@HOST:PORT. The key is sent in Proxy-Authorization.',
  ],
  forward_refused: [
    403,
    'This host is not one that the forward proxy serves.',
    'Ask the operator for a route with this host, or to add it to listen.forward.tunnel.',
  ],
  authority_unusable: [
    503,
    'The certificate authority of this proxy cannot be used.',
    'The operator looks at tokenward ca, and renews it: tokenward ca renew.',
  ],
  caller_key_unknown: [
    403,
    'The key or token does not belong to a configured caller.',
    'Check the key, or ask the operator for one.',
  ],
  caller_not_allowed: [403, 'This caller may not use this route.', 'Ask the operator to add the route to the caller.'],
  too_many_wrong_keys: [
    429,
    'Too many wrong keys were sent from this address.',
    'Wait for Retry-After, then send the right key.',
  ],
  caller_check_failed: [503, 'The JWKS used to verify caller tokens is unavailable.', 'Try again after Retry-After.'],
  policy_refused: [
    403,
    'The policy of this route does not allow this request.',
    "Ask the operator to allow this method and path in the route's policy.",
  ],
  too_many_requests: [
    503,
    'The concurrency limit is reached.',
    'Try again after Retry-After. The operator can raise limits.inFlight, or the limit that the detail names.',
  ],
  login_path_refused: [
    403,
    'This is a login or refresh path of the upstream; tokenward logs in itself.',
    'Call the API directly: tokenward adds the token. If the application cannot work without its own login, ' +
      'the operator sets legacyLogin: answer on the route.',
  ],
  request_malformed: [400, 'The request is not well-formed HTTP.', 'Correct the request.'],
  request_target_refused: [
    400,
    'The request target is ambiguous or not allowed.',
    'Send a plain path without dot segments, encoded slashes or control characters. If the upstream needs ' +
      'encoded characters, the operator sets encodedPaths: pass on the route.',
  ],
  request_not_signable: [
    400,
    'This request cannot be signed for the upstream.',
    'Correct what the detail names; percent-encode path and query as UTF-8.',
  ],
  target_too_long: [414, 'The request target is too long.', 'Shorten the path or the query.'],
  method_refused: [
    405,
    'This method is not supported.',
    'Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, as far as the route allows them.',
  ],
  loop_detected: [
    508,
    'This request has already passed through this proxy.',
    'The operator must correct the upstream address that leads back here.',
  ],
  body_too_large: [
    413,
    'The request body is larger than this route allows.',
    'Send a smaller body, or ask the operator to raise maxBody on the route.',
  ],
  body_timeout: [408, 'The request body stopped arriving.', 'Send the whole body without long pauses.'],
  headers_too_large: [
    431,
    'The request header section is too large.',
    'Send fewer or shorter header fields, or ask the operator to raise limits.headerBytes.',
  ],
  expectation_failed: [
    417,
    'The only supported expectation is 100-continue.',
    'Send Expect: 100-continue once, or no Expect field.',
  ],
  upgrade_refused: [
    501,
    'This protocol upgrade is not allowed.',
    'Use plain HTTP requests, or ask the operator to allow the protocol on the route: upgrade: [websocket].',
  ],
  account_missing: [
    400,
    'No account was selected for this request.',
    'Name the account in the header field that the route reads, or ask the operator to give this caller an account.',
  ],
  account_not_allowed: [
    403,
    'This caller may not use this account on this route.',
    'Ask the operator to allow it: accountFrom.allow on the route, accounts on the caller.',
  ],
  account_unknown: [404, 'This route has no such account.', 'Check the name, or ask the operator to add the account.'],
  credential_dead: [
    503,
    "The account's credentials do not work; tokenward waits until a person corrects them.",
    'The operator must correct the credentials and reload the configuration (an imported refresh token: tokenward ' +
      'import ACCOUNT). If the credentials are right after all: tokenward renew ACCOUNT.',
  ],
  login_budget_exhausted: [
    503,
    "The account's login budget is used up.",
    'Try again after Retry-After. The operator can spend a login of the reserve: tokenward renew ACCOUNT ' +
      '--use-reserve.',
  ],
  renewal_budget_exhausted: [
    503,
    "The account's budget of renewals (logins and refreshes) is used up.",
    'Try again after Retry-After. The operator can raise the budget if the vendor grants more.',
  ],
  upstream_not_allowed: [
    502,
    "The account's token came with an upstream that this route does not allow.",
    "The operator must correct the route's upstream (a pattern such as https://*.example.com), or the account.",
  ],
  token_unavailable: [
    503,
    'The account has no usable token, and none can be fetched now.',
    'Try again after Retry-After.',
  ],
  too_many_waiting: [
    503,
    "Too many requests are waiting for this account's token.",
    'Try again after Retry-After. The operator can raise limits.waitingPerAccount.',
  ],
  store_unavailable: [
    503,
    'The token store cannot be read or written.',
    'Try again after Retry-After. The operator finds the cause in the log and in tokenward status.',
  ],
  shutting_down: [503, 'This proxy is shutting down.', 'Try again.'],
  upstream_unreachable: [
    502,
    'The upstream could not be reached.',
    'Try again later; the request did not reach the upstream.',
  ],
  upstream_broken: [
    502,
    'The upstream closed the connection or sent invalid HTTP before a usable response.',
    'Check whether the request took effect before you repeat it.',
  ],
  upstream_timeout: [
    504,
    'The upstream did not respond in time.',
    'Check whether the request took effect before you repeat it.',
  ],
  internal: [500, 'An internal error occurred in tokenward.', "See tokenward's log at this time."],
} as const satisfies Record<string, readonly [status: number, title: string, advice: string]>;

/** A stable error code, as seen in `code` of the body, in `x-tokenward-error` and in the metric label `reason`. */
export type ErrorCode = keyof typeof ERRORS;

/** All codes, for the tests that compare docs/errors.md. */
export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];

/**
 * An error that tokenward generates. `detail` reaches the client: it holds no secret and nothing that an upstream sent.
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

/** The error as an RFC 9457 problem document, its only form on the wire. `requestId`: of the request that got it. */
export function problemDocument(error: TokenwardError, requestId?: string): string {
  const { code, status, detail } = error;
  const [, title, advice] = ERRORS[code];
  const type = `urn:tokenward:error:${code}`;
  const document = {
    type,
    title,
    status,
    code,
    ...(detail !== undefined && { detail }),
    advice,
    ...(requestId !== undefined && { requestId }),
  };
  return `${JSON.stringify(document)}\n`;
}
