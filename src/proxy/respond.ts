import { STATUS_CODES } from 'node:http';
import { problemDocument, PROXY_CHALLENGE, TokenwardError, type ErrorCode } from '../errors.ts';
import { REQUEST_ID } from '../http/request-id.ts';
import type { InboundRequest, OutboundResponse } from '../http/server/exchange.ts';

/** A response of tokenward's own. */
interface OwnResponse {
  /** Of the request. */
  readonly id: string;
  /** Bytes of the body; set before it is sent. */
  ownBytes: number;
}

/** Errors after which the beginning of the next request is not certain. */
const CLOSES_CONNECTION: ReadonlySet<ErrorCode> = new Set([
  'request_malformed',
  'request_target_refused',
  'target_too_long',
  'headers_too_large',
  'method_refused',
  'upgrade_refused',
  'loop_detected',
  'expectation_failed',
]);
/** How long a client may go on sending a body that is dropped. ms. */
const LINGER_MS = 5_000;

/**
 * Sends an error response. If the upstream's response has already begun, the connection is cut instead: never a mixture
 * of both.
 */
export function respondWithError(
  request: InboundRequest,
  response: OutboundResponse,
  error: TokenwardError,
  readIdleMs: number,
  own: OwnResponse,
): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = problemDocument(error, own.id);
  const headers = [
    'content-type',
    'application/problem+json',
    'x-tokenward-error',
    error.code,
    REQUEST_ID,
    own.id,
    'cache-control',
    'no-store',
  ];
  if (error.retryAfter !== undefined) headers.push('retry-after', String(error.retryAfter));
  if (error.status === 401) headers.push('www-authenticate', 'Bearer realm="tokenward"');
  if (error.status === 407) headers.push('proxy-authenticate', PROXY_CHALLENGE);
  headers.push('content-length', String(Buffer.byteLength(body)));
  // Then nothing behind this request is carried out: where the next request begins depends on how the rest is read.
  if (closesConnection(error) || !request.complete) headers.push('connection', 'close');
  response.writeHead(error.status, STATUS_CODES[error.status] ?? '', headers);
  own.ownBytes = request.method === 'HEAD' ? 0 : Buffer.byteLength(body);
  if (!request.complete) {
    endAfterBody(request, response, body);
    return;
  }
  response.end(request.method === 'HEAD' ? undefined : body);
  cutIfUnread(response, readIdleMs);
}

/**
 * Responds at once, and closes the connection when the client has sent its body, or after LINGER_MS. Closed any
 * earlier, with bytes still arriving, it would be reset, and the response might be lost.
 */
function endAfterBody(request: InboundRequest, response: OutboundResponse, body: string): void {
  if (request.method === 'HEAD') response.flushHeaders();
  else response.write(Buffer.from(body));
  endOnceRead(request, response);
}

/** Ends a response, all of which was written, when the client has sent its body, or after LINGER_MS. */
export function endOnceRead(request: InboundRequest, response: OutboundResponse): void {
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.discardBody(end);
}

/** Sends 100 Continue to a client that waits for it (RFC 9110 §10.1.1), only after all other checks. */
export function sendContinue(request: InboundRequest, response: OutboundResponse): void {
  if (request.expectsContinue && !response.headersSent && !response.destroyed) response.writeContinue?.();
}

/**
 * Reads and drops the rest of a request body after an early response: closing the connection while the client sends
 * would lose the response too. After LINGER_MS it is cut.
 */
export function discardRemainingBody(request: InboundRequest): void {
  if (request.complete) return;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  request.discardBody(() => clearTimeout(timer));
}

/**
 * Cuts the connection of a client that does not read the end of the response for `idleMs` (0: no limit). Nearly always
 * the system has taken all of it at once.
 */
export function cutIfUnread(response: OutboundResponse, idleMs: number): void {
  if (idleMs === 0 || response.writableLength === 0 || response.socket === null) return;
  const timer = setTimeout(() => response.destroy(), idleMs);
  response.on('close', () => clearTimeout(timer));
}

/** Whether the connection must be closed after this error. */
function closesConnection(error: unknown): boolean {
  return error instanceof TokenwardError && CLOSES_CONNECTION.has(error.code);
}

/** Sends the response to a legacy login, on a route that has one. */
export function respondWithJson(
  response: OutboundResponse,
  value: unknown,
  readIdleMs: number,
  own: OwnResponse,
): void {
  const body = JSON.stringify(value);
  own.ownBytes = Buffer.byteLength(body);
  response.writeHead(200, 'OK', [
    'content-type',
    'application/json',
    REQUEST_ID,
    own.id,
    'cache-control',
    'no-store',
    'content-length',
    String(own.ownBytes),
  ]);
  response.end(body);
  cutIfUnread(response, readIdleMs);
}
