import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { httpServer, type TestServer } from './wire.ts';

/** One request as an upstream of the test's own saw it. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface FakeUpstream extends TestServer {
  /** Every request that came to its end, in order. */
  readonly seen: Seen[];
}

type Answerer = (request: IncomingMessage, response: ServerResponse, body: string) => unknown;

const fine: Answerer = (_request, response) => void response.end('fine');

/** An upstream that notes what it sees and answers as the test says, or "fine". */
export async function fakeUpstream(answer: Answerer = fine): Promise<FakeUpstream> {
  const seen: Seen[] = [];
  return { seen, ...(await httpServer(noting(seen, answer))) };
}

/** The same over TLS. */
export async function fakeTlsUpstream(options: ServerOptions, answer: Answerer = fine): Promise<FakeUpstream> {
  const seen: Seen[] = [];
  const server = createTlsServer(options, noting(seen, answer));
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    seen,
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function noting(seen: Seen[], answer: Answerer): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('latin1');
      seen.push({ method: request.method ?? '', target: request.url ?? '', rawHeaders: request.rawHeaders, body });
      answer(request, response, body);
    });
  };
}
