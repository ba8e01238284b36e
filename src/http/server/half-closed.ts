import type { Socket } from 'node:net';

/** So long may a client that has closed its sending half go without a byte of its response. ms. */
const SILENCE_MOST = 1_000;

/**
 * A client may close its sending half once its request is out, and still wait for the response. One that has left
 * altogether looks the same until something is written to it. So it is waited for while bytes reach it, and for a
 * second without any: long enough for nearly every response, short enough that an upstream does not work for nobody.
 */
export function cutWhenSilent(socket: Socket): void {
  let written = socket.bytesWritten;
  const timer = setInterval(() => {
    if (socket.bytesWritten === written && socket.writableLength === 0) socket.destroy();
    written = socket.bytesWritten;
  }, SILENCE_MOST);
  socket.once('close', () => clearInterval(timer));
}
