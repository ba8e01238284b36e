import type { IncomingMessage, ServerResponse } from 'node:http';
import { problemDocument, type ErrorCode, type TokenwardError } from '../errors.ts';

/** Errors after which it is not certain where the next request begins. */
const SPOILS_CONNECTION: ReadonlySet<ErrorCode> = new Set(['request_malformed', 'request_target_refused', 'headers_too_large', 'method_refused', 'upgrade_refused', 'loop_detected']);
/** How long a caller may go on sending a body that nobody wants any more. ms. */
const LINGER = 5_000;

/** Gives one of our own answers. If the upstream's reply has already begun, the connection is cut instead: never half of one and half of another. */
export function answerError(request: IncomingMessage, response: ServerResponse, error: TokenwardError): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = problemDocument(error);
  response.statusCode = error.status;
  response.setHeader('content-type', 'application/problem+json');
  response.setHeader('x-tokenward-error', error.code);
  response.setHeader('cache-control', 'no-store');
  if (error.retryAfter !== undefined) response.setHeader('retry-after', String(error.retryAfter));
  if (error.status === 401) response.setHeader('www-authenticate', 'Bearer realm="tokenward"');
  response.setHeader('content-length', Buffer.byteLength(body));
  if (SPOILS_CONNECTION.has(error.code)) response.setHeader('connection', 'close');
  if (!request.complete) {
    endAfterBody(request, response, body);
    return;
  }
  response.end(request.method === 'HEAD' ? undefined : body);
}

/**
 * Answers at once, and closes the connection when the caller has sent his body, or after `LINGER`. Closed any sooner,
 * with bytes of his still arriving, it would be reset, and the answer might be lost before he reads it.
 */
function endAfterBody(request: IncomingMessage, response: ServerResponse, body: string): void {
  response.setHeader('connection', 'close');
  if (request.method === 'HEAD') response.flushHeaders();
  else response.write(body);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER);
  request.on('end', end).on('close', end).on('error', end).resume();
}

/**
 * An answer that came before the end of the request's body: the rest is read and thrown away, because closing the
 * connection on a caller who still sends costs him the answer as well. One who does not stop is cut off.
 */
export function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.socket.destroy(), LINGER);
  request.once('close', () => clearTimeout(timer)).once('end', () => clearTimeout(timer));
  request.resume();
}

/** What a legacy app is told that logs in by itself on a route which answers such logins. */
export function answerJson(response: ServerResponse, value: unknown): void {
  const body = JSON.stringify(value);
  response.setHeader('content-type', 'application/json');
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}
