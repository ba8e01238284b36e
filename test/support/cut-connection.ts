import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Where a token request's connection is cut, as the authorization server sees it. */
export type Cut = 'before it is looked at' | 'after it is carried out';

/** Cuts one request's connection. True: it is gone, and nobody may look at the request. */
export function cutConnection(when: Cut, { socket }: IncomingMessage, response: ServerResponse): boolean {
  if (when === 'before it is looked at') {
    cut(socket);
    return true;
  }
  response.end = (() => {
    cut(socket);
    return response;
  }) as typeof response.end;
  return false;
}

function cut(socket: Socket): void {
  // What is encrypted cannot be reset, but without its closing alert it ends as abruptly.
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}
