import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** A listening server. */
export interface Listener {
  /** `http://host:port`, without a trailing slash. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Called for every request. */
export type Handler = (req: http.IncomingMessage, res: http.ServerResponse, origin: string) => void;

/** Starts a plain HTTP server. Port 0 takes a free one. */
export async function listen(host: string, port: number, handler: Handler): Promise<Listener> {
  let origin = '';
  // Room for clients that test the proxy's own limits; the vendors' limits are NOT KNOWN.
  const options = { maxHeaderSize: 65_536, keepAliveTimeout: 5_000 };
  const server = http.createServer(options, (req, res) => handler(req, res, origin));
  // The handler sends 100 Continue when it reads the body: Node would do so at once.
  server.on('checkContinue', (req: http.IncomingMessage, res: http.ServerResponse) => handler(req, res, origin));
  server.maxHeadersCount = 0;
  // Uploads of many GiB and responses dripped byte by byte take as long as they take.
  server.requestTimeout = 0;
  // The usual backlog of 511 would refuse some of 2,000 clients that connect at the same instant.
  server.listen({ host, port, backlog: 4_096 });
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  origin = `http://${reachable(bound.address)}:${bound.port}`;
  return {
    origin,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

// "Every interface" is an address to listen on, not one to connect to.
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return address.includes(':') ? `[${address}]` : address;
}
