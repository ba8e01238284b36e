import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';

/** Limit on an egress proxy's response to CONNECT. Bytes. */
const MAX_TUNNEL_HEAD_BYTES = 16_384;

/** Where an upstream is and how to reach it. */
export interface Destination {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'minVersion'>;
  /** URL of the egress proxy, which is used with CONNECT. */
  readonly egressProxy: URL | undefined;
}

/** The destination of an origin. `egressProxy` is empty for a direct connection. */
export function destinationOf(origin: string, tls: Destination['tls'] = {}, egressProxy = ''): Destination {
  const url = new URL(origin);
  const secure = url.protocol === 'https:';
  return {
    secure,
    host: withoutBrackets(url.hostname),
    port: portOf(url),
    tls,
    egressProxy: egressProxy === '' ? undefined : new URL(egressProxy),
  };
}

/** A connection could not be made. `code` is Node's, or PROXY_ and a status or a word. */
export class DialError extends Error {
  readonly code: string;
  /** Host and port of the egress proxy, if the connection to it or its tunnel failed. */
  readonly proxy: string | undefined;

  constructor(code: string, cause?: unknown, proxy?: string) {
    super(code, { cause });
    this.code = code;
    this.proxy = proxy;
  }
}

/**
 * Opens a connection, TLS handshake included. Rejects with a DialError when it fails, after `timeoutMs` (0: no limit),
 * or when `signal` aborts. `session` is an earlier TLS session to resume.
 */
export async function dial(
  destination: Destination,
  timeoutMs: number,
  signal: AbortSignal,
  session: Buffer | undefined,
  onSession: (session: Buffer) => void,
): Promise<Socket> {
  const sockets = new Set<Socket>();
  const cut = (): void => {
    for (const socket of sockets) socket.destroy(new DialError('ETIMEDOUT'));
  };
  let deferredCut: NodeJS.Immediate | undefined;
  // Timers run before reads: a connection that was made while this process was blocked is seen first.
  const timer = timeoutMs > 0 ? setTimeout(() => (deferredCut = setImmediate(cut)), timeoutMs) : undefined;
  signal.addEventListener('abort', cut);
  const connected = async <S extends Socket>(socket: S, event: 'connect' | 'secureConnect'): Promise<S> => {
    sockets.add(socket);
    // A socket that is closed without an error emits only `close`.
    const closed = once(socket, 'close').then(() => {
      throw new DialError('ECONNRESET');
    });
    closed.catch(() => undefined);
    await Promise.race([once(socket, event), closed]);
    return socket;
  };
  const { secure, host, port, egressProxy } = destination;
  let proxy = egressProxy && `${egressProxy.hostname}:${portOf(egressProxy)}`;
  try {
    let socket: Socket;
    if (egressProxy === undefined) {
      if (secure) return await connected(startTls(destination, undefined, session, onSession), 'secureConnect');
      socket = await connected(
        connectTcp({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }),
        'connect',
      );
    } else {
      socket =
        egressProxy.protocol === 'https:'
          ? await connected(
              connectTls({
                host: withoutBrackets(egressProxy.hostname),
                port: portOf(egressProxy),
                servername: withoutBrackets(egressProxy.hostname),
                rejectUnauthorized: true,
                minVersion: 'TLSv1.2',
              }),
              'secureConnect',
            )
          : await connected(
              connectTcp({ host: withoutBrackets(egressProxy.hostname), port: portOf(egressProxy), noDelay: true }),
              'connect',
            );
      await tunnel(socket, `${host.includes(':') ? `[${host}]` : host}:${port}`, egressProxy);
      proxy = undefined;
      if (secure) socket = await connected(startTls(destination, socket, session, onSession), 'secureConnect');
    }
    return socket;
  } catch (error) {
    for (const socket of sockets) socket.on('error', () => undefined).destroy();
    throw new DialError((error as NodeJS.ErrnoException).code ?? 'ECONNRESET', error, proxy);
  } finally {
    clearTimeout(timer);
    clearImmediate(deferredCut);
    signal.removeEventListener('abort', cut);
  }
}

function startTls(
  { host, port, tls }: Destination,
  socket: Socket | undefined,
  session: Buffer | undefined,
  onSession: (session: Buffer) => void,
): TLSSocket {
  const secure = connectTls({
    ...tls,
    ...(socket ? { socket } : { host, port }),
    // An IP address is not sent as the server name (RFC 6066 §3). The certificate is checked against it all the same.
    ...(/^[\d.]+$|:/.test(host) ? { host } : { servername: host }),
    // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED could turn it off for the whole process.
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    minVersion: tls.minVersion ?? 'TLSv1.2',
    ...(session && { session }),
  });
  secure.setNoDelay(true);
  secure.on('session', onSession);
  return secure;
}

/**
 * Opens a tunnel through the egress proxy (RFC 9110 §9.3.6). Leaves the socket paused, so that no byte is lost before
 * its next owner listens.
 */
function tunnel(socket: Socket, authority: string, egressProxy: URL): Promise<void> {
  const userinfo = `${decodeURIComponent(egressProxy.username)}:${decodeURIComponent(egressProxy.password)}`;
  const proxyAuthorization =
    egressProxy.username === '' ? '' : `proxy-authorization: Basic ${Buffer.from(userinfo).toString('base64')}\r\n`;
  return new Promise((resolve, reject) => {
    let head = '';
    const done = (error?: Error): void => {
      socket.off('data', onData).off('error', done).off('close', onClose).pause();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = (): void => done(new DialError('PROXY_BROKEN'));
    const onData = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1 && head.length <= MAX_TUNNEL_HEAD_BYTES) return;
      const status = /^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(head)?.[1];
      // Nothing may follow a 2xx yet: the upstream sends only after it has received something.
      if (status === undefined || end === -1 || (status.startsWith('2') && end + 4 !== head.length)) onClose();
      else done(status.startsWith('2') ? undefined : new DialError(`PROXY_${status}`));
    };
    socket.on('data', onData).on('error', done).on('close', onClose);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${proxyAuthorization}\r\n`, 'latin1');
  });
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}
