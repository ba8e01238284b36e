import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/** A client's connection without a network: what is pushed has been received, and what is written is kept. */
export class MemorySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 1;
  readonly connecting = false;
  bytesRead = 0;
  bytesWritten = 0;
  #sent = '';

  /** All that was sent to the client. Latin-1. */
  get sent(): string {
    return this.#sent;
  }

  /** As the server takes it. */
  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  override _read(): void {
    // Pieces are pushed by `receive`.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytesWritten += chunk.length;
    this.#sent += chunk.toString('latin1');
    done();
  }

  /** Bytes from the client. */
  receive(bytes: Buffer): void {
    this.bytesRead += bytes.length;
    this.push(bytes);
  }

  destroySoon(): void {
    this.end(() => this.destroy());
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
/** Turns of the event loop in which nothing may have happened: a handover to node:http takes two. */
const QUIET_TURNS = 5;

/** Receives the pieces one after the other, and waits until nothing more happens. `count`: of what the server did. */
export async function play(socket: MemorySocket, pieces: readonly Buffer[], count: () => number): Promise<void> {
  const state = (): number => count() + socket.bytesWritten + socket.readableLength + (socket.destroyed ? 1e9 : 0);
  for (const piece of pieces) {
    if (socket.destroyed || socket.readableEnded) break;
    socket.receive(piece);
    await turn();
    await turn();
  }
  for (let quiet = 0, before = state(); quiet < QUIET_TURNS; quiet += 1) {
    await turn();
    const now = state();
    if (now !== before) quiet = 0;
    before = now;
  }
  socket.destroy();
  await turn();
}
