import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TokenwardError } from '../../errors.ts';
import type { InboundRequest } from './exchange.ts';
import type { ServerLimits } from './limits.ts';
import { refuseOnce } from './malformed.ts';
import { isResponding, responseOn, whenResponseDue } from './one-at-a-time.ts';
import { stopEncoding } from './raw-targets.ts';
import { readAsItComes } from './sliced-reading.ts';

const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n';
/** How long a refused tunnel may take to close. ms. */
const LINGER_MS = 5_000;

/**
 * Handles a CONNECT, whose connection node:http has let go. `head`: bytes that came behind the request; a client may
 * send the beginning of its TLS handshake before it has the response.
 */
export function handleConnect(request: IncomingMessage, socket: Socket, head: Buffer, limits: ServerLimits): void {
  const { tunnels } = limits;
  stopEncoding(socket);
  readAsItComes(socket);
  const refuse = (error: TokenwardError): void => {
    // Input that nobody reads would keep the connection from closing.
    socket.resume();
    whenResponseDue(socket, () => {
      const timer = setTimeout(() => socket.destroy(), LINGER_MS);
      socket.once('close', () => clearTimeout(timer));
    });
    refuseOnce(socket, error, limits);
  };
  const isEarly = isResponding(socket);
  // node:http does this no more, and the response before would wait for ever.
  if (isEarly) socket.on('drain', () => responseOn(socket)?.emit('drain'));
  if (tunnels === undefined) return refuse(notForwarding());
  // What is behind CONNECT is no HTTP, so that the responses before it must be complete.
  if (isEarly)
    return refuse(new TokenwardError('request_malformed', { detail: 'CONNECT before the last response was complete' }));
  tunnels.open.add(socket);
  socket.once('close', () => tunnels.open.delete(socket));
  tunnels.accept(request as unknown as InboundRequest).then(
    (tunnel) => {
      if (!socket.writable || socket.readableEnded) {
        tunnel.abandon?.();
        return socket.destroy();
      }
      if (head.length > 0) socket.unshift(head);
      socket.write(ESTABLISHED);
      return tunnel.begin(socket);
    },
    (error: unknown) => {
      tunnels.open.delete(socket);
      refuse(error instanceof TokenwardError ? error : new TokenwardError('internal'));
    },
  );
}

function notForwarding(): TokenwardError {
  return new TokenwardError('method_refused', {
    detail:
      'this is not a forward proxy: call it at http://its-own-address/prefix/…, or ask the operator for listen.forward',
  });
}
