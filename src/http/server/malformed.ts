import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { problemDocument, PROXY_CHALLENGE, type TokenwardError } from '../../errors.ts';
import { newRequestId } from '../request-id.ts';
import { whenResponseDue } from './one-at-a-time.ts';
import { refusalOf } from './parser-errors.ts';
import { isInFirstLine } from './raw-targets.ts';
import type { ServerLimits } from './limits.ts';

/** Responds with a problem document to what Node's parser refuses. */
export function refuseMalformed(error: Error, socket: Socket, limits: ServerLimits): void {
  // Any other error is a broken connection or a TLS handshake that failed or never ended: no client can read a
  // response, and one that waits for the handshake would keep the connection open for ever.
  const refusal = socket.writable ? refusalOf(error, limits.headerBytes, isInFirstLine(socket)) : undefined;
  if (refusal === undefined) {
    socket.destroy();
    return;
  }
  refuseOnce(socket, refusal, limits);
}

/** Connections on which a refusal has been sent. */
const refused = new WeakSet<Socket>();

/** Sends one refusal on a connection, and closes it. */
export function refuseOnce(socket: Socket, refusal: TokenwardError, { onRefused }: ServerLimits): void {
  // Further input of this connection would be refused again.
  if (refused.has(socket)) return;
  refused.add(socket);
  const { status, code } = refusal;
  // Its header section was not read, so that it has no id of its own.
  const requestId = newRequestId();
  onRefused?.(refusal, requestId, socket);
  const body = problemDocument(refusal, requestId);
  whenResponseDue(socket, () => {
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
        'Content-Type: application/problem+json\r\n' +
        `X-Tokenward-Error: ${code}\r\n` +
        `X-Request-Id: ${requestId}\r\n` +
        'Cache-Control: no-store\r\n' +
        (status === 407 ? `Proxy-Authenticate: ${PROXY_CHALLENGE}\r\n` : '') +
        (refusal.retryAfter === undefined ? '' : `Retry-After: ${refusal.retryAfter}\r\n`) +
        `Content-Length: ${Buffer.byteLength(body)}\r\n` +
        `Connection: close\r\n\r\n${body}`,
    );
  });
}
