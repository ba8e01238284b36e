import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { problemDocument, TokenwardError } from '../../errors.ts';
import { whenResponseDue } from './one-at-a-time.ts';
import { refusalOf } from './parser-errors.ts';
import { isInFirstLine } from './raw-targets.ts';
import type { ServerLimits } from './limits.ts';

/** What Node's parser refuses never becomes a request; it still deserves an answer in our form. */
export function refuseMalformed(error: Error, socket: Socket, limits: ServerLimits): void {
  // Anything but the parser's own complaints is a broken connection or a TLS handshake that failed or never ended:
  // there is nobody to answer, and an answer that waits for the handshake would keep the connection open for ever.
  const refusal = socket.writable ? refusalOf(error, limits.headerBytes, isInFirstLine(socket)) : undefined;
  if (refusal === undefined) {
    socket.destroy();
    return;
  }
  refuse(socket, refusal, limits);
}

/** How long a refused tunnel may take to close. ms. */
const TUNNEL_LINGER_MS = 5_000;

/** CONNECT: this is no forward proxy. node:http has left the connection, so that whatever comes on it is nobody's. */
export function refuseTunnel(socket: Socket, limits: ServerLimits): void {
  socket.on('error', () => socket.destroy()).resume();
  const timer = setTimeout(() => socket.destroy(), TUNNEL_LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  refuse(
    socket,
    new TokenwardError('method_refused', {
      detail: 'this is no forward proxy: call it at http://its-own-address/prefix/…',
    }),
    limits,
  );
}

/** Connections that have their answer. */
const refused = new WeakSet<Socket>();

/** Answers what never became a request, once on a connection, and closes that. */
function refuse(socket: Socket, refusal: TokenwardError, { onRefused }: ServerLimits): void {
  // What follows on this connection is nobody's request any more, and would complain again.
  if (refused.has(socket)) return;
  refused.add(socket);
  const { status, code } = refusal;
  onRefused?.(code);
  const body = problemDocument(refusal);
  whenResponseDue(socket, () => {
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
        'Content-Type: application/problem+json\r\n' +
        `X-Tokenward-Error: ${code}\r\n` +
        'Cache-Control: no-store\r\n' +
        `Content-Length: ${Buffer.byteLength(body)}\r\n` +
        `Connection: close\r\n\r\n${body}`,
    );
  });
}
