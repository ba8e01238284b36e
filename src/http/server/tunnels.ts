import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { InboundRequest } from './exchange.ts';

/** A tunnel that has been granted. One of the two is called. */
export interface Tunnel {
  /** The client has its response; what it sends from here on is not HTTP. */
  begin(socket: Socket): void;
  /** The client left before. */
  abandon?(): void;
}

/** What a server does with CONNECT (RFC 9110 §9.3.6). */
export interface Tunnels {
  /** Decides about a request. Rejects with a TokenwardError, which becomes the response; another error: `internal`. */
  accept(request: InboundRequest): Promise<Tunnel>;
  /** Serves the requests within tunnels. It does not listen itself. */
  readonly inner: Server;
  /** Connections that became tunnels and are open. */
  readonly open: Set<Socket>;
}
