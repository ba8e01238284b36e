import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { TokenwardError } from '../errors.ts';
import { destinationOf, dial, DialError } from '../http/client/dial.ts';
import { FORBIDDEN, lookupForTunnel, mayTunnelTo } from './addresses.ts';
import type { ConnectTarget } from './authority-form.ts';

const CONNECT_MS = 10_000;
/** A tunnel through which nothing passes is closed. ms. */
const IDLE_MS = 600_000;

/**
 * Connects to a host of the allow-list. `via`: the corporate proxy for an origin, or an empty text; it resolves the
 * name then. Rejects with a TokenwardError, also when `signal` aborts.
 */
export async function dialForTunnel(
  target: ConnectTarget,
  via: (origin: string) => string,
  signal: AbortSignal,
): Promise<Socket> {
  const { host, port } = target;
  // The egress proxy would look the name up on its own host (RFC 6761 §6.3).
  if (isIP(host) !== 0 ? !mayTunnelTo(host) : /(^|\.)localhost$/.test(host)) throw forbidden(host);
  const origin = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const proxy = via(origin);
  try {
    if (proxy !== '') {
      const destination = { ...destinationOf(origin, {}, proxy), secure: false };
      return await dial(destination, CONNECT_MS, signal, undefined, () => undefined);
    }
    return await dialDirect(target, signal);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === FORBIDDEN) throw forbidden(host);
    const detail = `${host}:${port} (${code ?? 'connect'})`;
    throw new TokenwardError(code === 'ETIMEDOUT' ? 'upstream_timeout' : 'upstream_unreachable', {
      detail,
      cause: error,
    });
  }
}

async function dialDirect({ host, port }: ConnectTarget, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host, port, lookup: lookupForTunnel, allowHalfOpen: true, noDelay: true, keepAlive: true });
  const timer = setTimeout(() => socket.destroy(new DialError('ETIMEDOUT')), CONNECT_MS);
  const cut = (): void => void socket.destroy(new DialError('ECONNABORTED'));
  signal.addEventListener('abort', cut);
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cut);
  }
}

/** Passes bytes between two connections until both directions have ended. */
export function join(client: Socket, upstream: Socket): void {
  const cut = (): void => {
    client.destroy();
    upstream.destroy();
  };
  // What either side sends or takes counts.
  client.setTimeout(IDLE_MS, cut);
  client.once('close', cut).once('error', cut);
  upstream.once('close', () => client.destroySoon()).on('error', cut);
  client.pipe(upstream);
  upstream.pipe(client);
}

function forbidden(host: string): TokenwardError {
  return new TokenwardError('forward_refused', {
    detail: `${host} is this host, link-local, or an address under which a cloud hands out credentials: never a tunnel`,
  });
}
