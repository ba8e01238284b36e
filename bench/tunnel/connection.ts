import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { BenchError } from '../processes.ts';

/** How requests come to a contender. */
export interface Way {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  /** Undefined: without TLS. */
  readonly tls: { readonly servername: string; readonly ca: string } | undefined;
  /** First asks for a tunnel to the host. */
  readonly tunnel?: boolean;
}

/** A connection that stays open: one request at a time. */
export interface Connection {
  /** Resolves with the end of the response; rejects if it is not 200. */
  ask(): Promise<void>;
  close(): void;
}

/** The same everywhere, so that nobody has the cheaper cipher. */
const CIPHER = 'TLS_AES_256_GCM_SHA384';

/** Opens one, with its tunnel and TLS if it has any. */
export async function openConnection({ port, host, path, tls, tunnel = false }: Way): Promise<Connection> {
  const plain = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(plain, 'connect');
  if (tunnel) await exchange(plain, `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`);
  let socket: Socket = plain;
  if (tls !== undefined) {
    const secure = connectTls({ socket: plain, ...tls, ciphers: CIPHER, minVersion: 'TLSv1.3' });
    await once(secure, 'secureConnect');
    socket = secure;
  }
  const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n`;
  return { ask: () => exchange(socket, request), close: () => void socket.destroy() };
}

function exchange(socket: Socket, request: string): Promise<void> {
  let text = '';
  return new Promise((resolve, reject) => {
    const end = (error?: BenchError): void => {
      socket.off('data', onData).off('close', onClose).off('error', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onData = (bytes: Buffer): void => {
      text += bytes.toString('latin1');
      if (!isWhole(text, request)) return;
      end(text.startsWith('HTTP/1.1 200') ? undefined : new BenchError(`a request got ${text.slice(0, 200)}`));
    };
    const onClose = (): void => end(new BenchError('a connection ended in the middle of a request'));
    socket.on('data', onData).once('close', onClose).once('error', onClose);
    socket.write(request);
  });
}

/** Whether the response is complete. That to CONNECT has no body (RFC 9110 §9.3.6). */
function isWhole(text: string, request: string): boolean {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return false;
  if (request.startsWith('CONNECT')) return true;
  const [, length] = /^content-length: *(\d+)/im.exec(text.slice(0, head)) ?? [];
  return length === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length >= head + 4 + Number(length);
}
