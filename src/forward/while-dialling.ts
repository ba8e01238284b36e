import type { Socket } from 'node:net';

/** What a client may send before it has a response: the beginning of a TLS handshake. Bytes. */
const MAX_EARLY_BYTES = 64 * 1024;

/**
 * Waits for something on a client's behalf, and aborts it if the client leaves meanwhile. To notice that, its input is
 * read; what came is put back.
 */
export async function whileConnected<T>(client: Socket, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const leaving = new AbortController();
  const early: Buffer[] = [];
  let bytes = 0;
  const keep = (piece: Buffer): void => {
    early.push(piece);
    bytes += piece.length;
    if (bytes > MAX_EARLY_BYTES) client.pause();
  };
  const left = (): void => leaving.abort();
  client.on('data', keep).once('end', left).once('close', left);
  try {
    return await work(leaving.signal);
  } finally {
    client.off('data', keep).off('end', left).off('close', left).pause();
    if (bytes > 0 && !leaving.signal.aborted) client.unshift(Buffer.concat(early));
  }
}
