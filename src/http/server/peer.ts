import type { Socket } from 'node:net';

/**
 * Identifies a client that has not authenticated: by its address. Clients of the Unix socket, which have none, share
 * one name, as do those whose connection has closed.
 */
export function peerOf({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string {
  return remoteAddress ?? 'unix';
}
