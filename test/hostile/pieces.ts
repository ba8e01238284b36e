import type { Socket } from 'node:net';

/** Closes our side in good order. */
export const CLOSE = Symbol('close');
/** Breaks the connection with a reset. */
export const RESET = Symbol('reset');

/** What one side of a conversation says: text (every character one byte) or bytes, pauses in ms, and how it ends. */
export type Pieces = readonly (string | Buffer | number | typeof CLOSE | typeof RESET)[];

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Text as it goes over the wire. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A text's letters, one by one; all of them ASCII. */
export const letters = (text: string): string[] => Array.from(text);

/** Everything a list of pieces would send, in one buffer. */
export function joined(pieces: Pieces): Buffer {
  return Buffer.concat(
    pieces.flatMap((piece) => (typeof piece === 'string' ? [bytesOf(piece)] : Buffer.isBuffer(piece) ? [piece] : [])),
  );
}

/** Says the pieces in turn; stops when the connection is over. `under`: the connection that carries this one. */
export async function say(socket: Socket, pieces: Pieces, under = socket): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return;
    if (typeof piece === 'number') await wait(piece);
    else if (piece === CLOSE) socket.end();
    else if (piece === RESET) under.resetAndDestroy();
    else if (socket.writable) socket.write(typeof piece === 'string' ? bytesOf(piece) : piece);
  }
}
