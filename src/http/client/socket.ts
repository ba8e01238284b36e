import type { Socket } from 'node:net';

/**
 * What has gone over a socket so far, in either direction; of a write that is under way also what the system has not
 * taken yet.
 */
export function traffic(socket: Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }): string {
  return `${socket.bytesRead} ${socket.bytesWritten} ${socket._handle?.writeQueueSize ?? 0}`;
}

/** Resolves when the socket takes more, or never will. */
export function waitForDrain(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
    if (socket.destroyed || !socket.writableNeedDrain) done();
  });
}
