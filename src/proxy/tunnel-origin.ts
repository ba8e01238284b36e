import type { Socket } from 'node:net';
import type { InboundRequest } from '../http/server/exchange.ts';

/** Where the requests of a tunnel come from. */
export interface TunnelOrigin {
  /** The host that the client asked for, in lower case. */
  readonly host: string;
  /** The CONNECT that opened it: it carries the caller's key, the requests within do not. */
  readonly connect: InboundRequest;
}

const origins = new WeakMap<Socket, TunnelOrigin>();

/** Remembers the origin of a connection whose requests come through a tunnel. */
export function setTunnelOrigin(socket: Socket, origin: TunnelOrigin): void {
  origins.set(socket, origin);
}

/** Undefined: the connection is no tunnel. */
export function tunnelOrigin(socket: Socket): TunnelOrigin | undefined {
  return origins.get(socket);
}
