import { connect, type Socket } from 'node:net';
import { tcpServer, type TestServer } from '../../support/wire.ts';

/** A corporate proxy: what it was asked, and a way to make it refuse. */
export interface ConnectProxy extends TestServer {
  /** The heads of all requests to it. */
  readonly asked: string[];
}

/** A proxy that connects everybody through; or, given an answer, says that instead. */
export async function connectProxy(answer?: (socket: Socket) => void): Promise<ConnectProxy> {
  const asked: string[] = [];
  const server = await tcpServer((socket) => {
    let head = '';
    const onData = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onData);
      asked.push(head);
      if (answer !== undefined) {
        answer(socket);
        return;
      }
      const [, host, port] = /^CONNECT (\S+):(\d+) HTTP\/1\.1\r\n/.exec(head) ?? [];
      const through = connect(Number(port), host);
      through.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.on('close', () => through.destroy());
      through.on('connect', () => {
        socket.write('HTTP/1.1 200 Connection established\r\nX-Proxy: corporate\r\n\r\n');
        socket.pipe(through).pipe(socket);
      });
    };
    socket.on('data', onData);
  });
  return { asked, ...server };
}
