import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Waits for one request from a browser on this machine. */
export interface CallbackListener {
  readonly port: number;
  /** The query of the first request that was accepted. Never rejects. */
  readonly received: Promise<URLSearchParams>;
  close(): Promise<void>;
}

export interface CallbackOptions {
  /** 0: any free one. */
  readonly port: number;
  readonly path: string;
  /** The names in the field Host: a page of another site that a resolver leads here has another one. */
  readonly hosts: readonly string[];
  /** False for a request that somebody else made up: the right one may still come. */
  readonly accept: (query: URLSearchParams) => boolean;
}

/** A browser asks at once; whoever is slower is none. ms. */
const REQUEST_MS = 10_000;
const MAX_CONNECTIONS = 20;
const DONE = 'tokenward has received the response. You can close this window and go back to the terminal.\n';

/**
 * Listens on 127.0.0.1 until a GET of this path, under one of these names, is accepted. Every other request is refused,
 * and a page never repeats anything of a request. Rejects if the port cannot be listened on.
 */
export async function listenForCallback({ port, path, hosts, accept }: CallbackOptions): Promise<CallbackListener> {
  let receive!: (query: URLSearchParams) => void;
  const received = new Promise<URLSearchParams>((resolve) => {
    receive = resolve;
  });
  let done = false;
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 },
    (request, response) => {
      const query = queryOf(request, path);
      if (query === undefined) return reply(response, 404, 'Not found.\n');
      if (request.method !== 'GET') return reply(response, 405, 'Only GET.\n');
      if (!hosts.some((host) => isHost(request.headers.host, host, addressOf().port)))
        return reply(response, 421, 'Not under this name.\n');
      if (done || !accept(query)) return reply(response, 400, 'This is not the response that is waited for.\n');
      done = true;
      response.on('close', () => receive(query));
      return reply(response, 200, DONE);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  const addressOf = (): AddressInfo => server.address() as AddressInfo;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
  });
  return {
    port: addressOf().port,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The query of a request for this path; undefined: another one. */
function queryOf({ url = '' }: IncomingMessage, path: string): URLSearchParams | undefined {
  const mark = url.indexOf('?');
  return (mark === -1 ? url : url.slice(0, mark)) === path
    ? new URLSearchParams(mark === -1 ? '' : url.slice(mark))
    : undefined;
}

function isHost(field: string | undefined, host: string, port: number): boolean {
  return field === `${host}:${port}` || (port === 80 && field === host);
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'content-security-policy': "default-src 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(text);
}
