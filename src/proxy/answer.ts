import type { IncomingMessage, ServerResponse } from 'node:http';
import { problemDocument, type TokenwardError } from '../errors.ts';

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
  // The rest of an unread body would be taken for the next request.
  if (!request.complete) response.setHeader('connection', 'close');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** What a legacy app is told that logs in by itself on a route which answers such logins. */
export function answerJson(response: ServerResponse, value: unknown): void {
  const body = JSON.stringify(value);
  response.setHeader('content-type', 'application/json');
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}
