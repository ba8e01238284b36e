import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A TCP conversation written by hand: for what an HTTP client would not send or would hide. */
export interface Line {
  readonly socket: Socket;
  /** Everything received so far. */
  received(): string;
  /** Resolves when the text received matches. Rejects when the connection ends before. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with everything received when the other side has closed. */
  closed(): Promise<string>;
}

/** `base`: http://host:port, https://host:port (any certificate will do), or unix:/path of a socket. */
export async function dial(base: string): Promise<Line> {
  const { protocol, pathname, hostname, port } = new URL(base);
  const place = protocol === 'unix:' ? { path: pathname } : { host: hostname, port: Number(port), noDelay: true };
  const isTls = protocol === 'https:';
  const socket = isTls ? connectTls({ ...place, servername: 'proxy', rejectUnauthorized: false }) : connect(place);
  let text = '';
  let ended = false;
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (text += chunk));
  // What matters is that it is over; how, the text received tells.
  socket.on('error', () => undefined);
  socket.on('close', () => (ended = true));
  await once(socket, isTls ? 'secureConnect' : 'connect');
  const closed = async (): Promise<string> => {
    if (!ended) await once(socket, 'close');
    return text;
  };
  return {
    socket,
    closed,
    received: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(text)) return;
          socket.off('data', look).off('close', ended);
          resolve(text);
        };
        const ended = (): void => reject(new Error(`closed before ${String(pattern)}: ${text}`));
        socket.on('data', look).once('close', ended);
        look();
      }),
  };
}

/** A server of the test's own, to be closed by the test. */
export interface TestServer {
  readonly url: string;
  close(): Promise<void>;
}

/** An upstream that answers HTTP as the test says. */
export async function httpServer(listener: RequestListener): Promise<TestServer> {
  const server = createHttpServer(listener);
  return listening(server, () => server.closeAllConnections());
}

/** An upstream that speaks raw bytes. */
export async function tcpServer(onConnection: (socket: Socket) => void): Promise<TestServer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    onConnection(socket);
  });
  return listening(server, () => open.forEach((socket) => socket.destroy()));
}

/** A URL at which nothing listens. */
export async function closedPort(): Promise<string> {
  const server = await tcpServer(() => undefined);
  await server.close();
  return server.url;
}

/** A port of loopback on which nothing listens, for a program that cannot find one itself. */
export async function freePort(): Promise<number> {
  return Number(new URL(await closedPort()).port);
}

async function listening(server: Server, cut: () => void): Promise<TestServer> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
