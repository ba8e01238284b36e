import type { Socket } from 'node:net';

/**
 * What callers are told apart by where they have shown nothing yet: their address. All who come by the Unix socket,
 * which has none, go by one name. So does whoever has closed the connection by now.
 */
export function peerOf({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string {
  return remoteAddress ?? 'unix';
}
