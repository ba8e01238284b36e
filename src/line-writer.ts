import { closeSync, constants, fstatSync, openSync, write, writeSync } from 'node:fs';

/** Written to a pipe in one piece, so that lines of several processes do not mix (POSIX: at least 512; Linux: 4096). */
const PIPE_BYTES = 4096;
/** Where nobody else writes: one call for many lines. */
const LARGE_BYTES = 32 * 1024;
/** How long a line waits for others. ms. */
const BATCH_MS = 50;
/** How long a full pipe is left alone. ms. */
const FULL_PIPE_MS = 10;
/** Pieces that are written to a pipe in one turn of the event loop. */
const PIECES_AT_ONCE = 16;
/** What may wait for a reader that does not read. Bytes. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** How long the end waits for that reader. ms. */
const END_MS = 1_000;

/**
 * Writes lines in the background: many with one call, and none of them holds up a request, whether or not somebody
 * reads them. What does not fit is dropped.
 */
export class LineWriter {
  readonly #fd: number;
  readonly #ownFd: boolean;
  readonly #pieceBytes: number;
  /** Whole lines each, not longer than a piece; the last one may still grow. */
  readonly #pieces: string[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing = false;
  #broken = false;
  #onEmpty: (() => void)[] = [];

  /** `fd`: where to; it stays open. `alone`: nobody else writes there, so that lines cannot mix. */
  constructor(fd: number, alone = false) {
    const kind = fstatSync(fd);
    const ownFd = kind.isFIFO() ? withoutWaiting(fd) : undefined;
    this.#fd = ownFd ?? fd;
    this.#ownFd = ownFd !== undefined;
    this.#pieceBytes = alone || kind.isFile() ? LARGE_BYTES : PIPE_BYTES;
  }

  /** One line of ASCII with its line end, shorter than 4 KiB. False: it is dropped. */
  write(line: string): boolean {
    if (this.#broken || this.#waitingBytes + line.length > MAX_WAITING_BYTES) return false;
    this.#waitingBytes += line.length;
    const last = this.#pieces.length - 1;
    const piece = this.#pieces[last];
    // The first one may be under way.
    const grows = piece !== undefined && (last > 0 || !this.#writing);
    if (grows && piece.length + line.length <= this.#pieceBytes) this.#pieces[last] = piece + line;
    else this.#pieces.push(line);
    this.#timer ??= setTimeout(() => this.#next(), BATCH_MS);
    return true;
  }

  /** Resolves when all is written, or cannot be within a second. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const empty = new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    this.#next();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([empty, new Promise<void>((resolve) => (timer = setTimeout(resolve, END_MS)))]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
    if (this.#ownFd && !this.#writing) closeSync(this.#fd);
    this.#broken = true;
  }

  #next(): void {
    if (this.#writing) return;
    const piece = this.#pieces[0];
    if (piece === undefined) {
      this.#emptied();
      return;
    }
    if (this.#ownFd) {
      this.#writeNow();
      return;
    }
    this.#writing = true;
    write(this.#fd, piece, null, 'latin1', (error, written) => {
      this.#writing = false;
      if (error?.code === 'EAGAIN') {
        this.#timer = setTimeout(() => this.#next(), FULL_PIPE_MS);
        return;
      }
      // Nobody reads any more, or the disk is full.
      const done = error === null ? written : piece.length;
      if (error?.code === 'EPIPE') this.#broken = true;
      this.#waitingBytes -= done;
      if (done < piece.length) this.#pieces[0] = piece.slice(done);
      else this.#pieces.shift();
      this.#next();
    });
  }

  #emptied(): void {
    this.#timer = undefined;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  /**
   * Into a pipe that never lets a write wait: one by way of Node's threads costs several times as much. A few at a
   * time, so that requests do not wait for many.
   */
  #writeNow(): void {
    for (let count = 0; count < PIECES_AT_ONCE && this.#pieces.length > 0; count += 1) {
      const piece = this.#pieces[0]!;
      let done = piece.length;
      try {
        done = writeSync(this.#fd, piece, null, 'latin1');
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') {
          this.#timer = setTimeout(() => this.#next(), FULL_PIPE_MS);
          return;
        }
        this.#broken = code === 'EPIPE';
      }
      this.#waitingBytes -= done;
      if (done < piece.length) this.#pieces[0] = piece.slice(done);
      else this.#pieces.shift();
    }
    if (this.#pieces.length > 0) this.#timer = setTimeout(() => this.#next());
    else this.#emptied();
  }

  /** The process ends: what is left is written at once, as far as there is room. */
  writeRest(): void {
    try {
      for (const piece of this.#pieces.slice(this.#writing ? 1 : 0)) writeSync(this.#fd, piece, null, 'latin1');
    } catch {
      // There is nobody left to tell.
    }
  }
}

/**
 * The same pipe, opened once more: a write to it fails when it is full, instead of holding a thread for as long as
 * nobody reads. The flag belongs to the opening, so other processes that write to the pipe do not notice.
 */
function withoutWaiting(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // No /proc, or a pipe of another user.
    return undefined;
  }
}
