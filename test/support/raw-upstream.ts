import type { Socket } from 'node:net';
import { tcpServer, type TestServer } from './wire.ts';

/** One connection as a raw upstream sees it. */
export interface RawConnection {
  readonly number: number;
  readonly socket: Socket;
  /** Requests on this connection so far, this one included. */
  readonly requests: number;
}

export interface RawUpstream extends TestServer {
  /** First lines of all requests that came, in order, with the number of their connection. */
  readonly asked: { readonly line: string; readonly connection: number }[];
  /** Connections opened so far, and those that the other side has closed. */
  readonly count: { opened: number; closed: number };
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine';

/** An upstream that answers heads (of requests without a body, or with a short one) with raw bytes as the test says. */
export async function rawUpstream(answer: (line: string, connection: RawConnection) => void): Promise<RawUpstream> {
  const asked: { line: string; connection: number }[] = [];
  const count = { opened: 0, closed: 0 };
  const server = await tcpServer((socket) => {
    count.opened += 1;
    const number = count.opened;
    let requests = 0;
    socket.setNoDelay(true).on('end', () => (count.closed += 1));
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      if (!/ HTTP\/1\.1\r\n/.test(text)) return;
      requests += 1;
      const line = text.slice(0, text.indexOf(' HTTP/'));
      asked.push({ line, connection: number });
      answer(line, { number, socket, requests });
    });
  });
  return { asked, count, ...server };
}
