import { STATUS_CODES } from 'node:http';
import { problemDocument, TokenwardError, type ErrorCode } from '../errors.ts';
import type { InboundRequest, OutboundResponse } from '../http/server/exchange.ts';

/** Errors after which it is not certain where the next request begins. */
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
/** How long a caller may go on sending a body that nobody wants any more. ms. */
const LINGER_MS = 5_000;

/**
 * Gives one of our own answers. If the upstream's reply has already begun, the connection is cut instead: never half of
 * one and half of another.
 */
export function respondWithError(
  request: InboundRequest,
  response: OutboundResponse,
  error: TokenwardError,
  readIdleMs: number,
): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = problemDocument(error);
  const headers = [
    'content-type',
    'application/problem+json',
    'x-tokenward-error',
    error.code,
    'cache-control',
    'no-store',
  ];
  if (error.retryAfter !== undefined) headers.push('retry-after', String(error.retryAfter));
  if (error.status === 401) headers.push('www-authenticate', 'Bearer realm="tokenward"');
  headers.push('content-length', String(Buffer.byteLength(body)));
  // Nothing that still comes on this connection is carried out then: what it is depends on how one reads what came
  // before.
  if (closesConnection(error) || !request.complete) headers.push('connection', 'close');
  response.writeHead(error.status, STATUS_CODES[error.status] ?? '', headers);
  if (!request.complete) {
    endAfterBody(request, response, body);
    return;
  }
  response.end(request.method === 'HEAD' ? undefined : body);
  cutIfUnread(response, readIdleMs);
}

/**
 * Answers at once, and closes the connection when the caller has sent his body, or after `LINGER`. Closed any sooner,
 * with bytes of his still arriving, it would be reset, and the answer might be lost before he reads it.
 */
function endAfterBody(request: InboundRequest, response: OutboundResponse, body: string): void {
  if (request.method === 'HEAD') response.flushHeaders();
  else response.write(Buffer.from(body));
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.discardBody(end);
}

/**
 * Tells a caller who waits for that to send his body (RFC 9110 §10.1.1): not before all else about the request is found
 * good.
 */
export function sendContinue(request: InboundRequest, response: OutboundResponse): void {
  if (request.expectsContinue) response.writeContinue?.();
}

/**
 * An answer that came before the end of the request's body: the rest is read and thrown away, because closing the
 * connection on a caller who still sends costs him the answer as well. One who does not stop is cut off.
 */
export function discardRemainingBody(request: InboundRequest): void {
  if (request.complete) return;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  request.discardBody(() => clearTimeout(timer));
}

/**
 * A caller who does not take the end of his answer for `idle` ms (0: no limit) has gone, whatever his connection says:
 * it is cut. Nearly always the system has taken all of it at once.
 */
export function cutIfUnread(response: OutboundResponse, idleMs: number): void {
  if (idleMs === 0 || response.writableLength === 0 || response.socket === null) return;
  const timer = setTimeout(() => response.destroy(), idleMs);
  response.on('close', () => clearTimeout(timer));
}

/** Whether the connection cannot be used any more after this error. */
function closesConnection(error: unknown): boolean {
  return error instanceof TokenwardError && CLOSES_CONNECTION.has(error.code);
}

/** What a legacy app is told that logs in by itself on a route which answers such logins. */
export function respondWithJson(response: OutboundResponse, value: unknown, readIdleMs: number): void {
  const body = JSON.stringify(value);
  response.writeHead(200, 'OK', [
    'content-type',
    'application/json',
    'cache-control',
    'no-store',
    'content-length',
    String(Buffer.byteLength(body)),
  ]);
  response.end(body);
  cutIfUnread(response, readIdleMs);
}
