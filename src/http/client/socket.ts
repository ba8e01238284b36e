import type { Socket } from 'node:net';

/**
 * A fingerprint of the traffic so far, in both directions; for a pending write, it includes the bytes that the system
 * has not taken yet.
 */
export function traffic(socket: Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }): string {
  return `${socket.bytesRead} ${socket.bytesWritten} ${socket._handle?.writeQueueSize ?? 0}`;
}

/** Resolves when the socket can take more, or has closed. */
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
