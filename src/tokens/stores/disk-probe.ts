import { closeSync, constants, fsync, ftruncate, openSync, write } from 'node:fs';
import { promisify } from 'node:util';

const [writeAt, truncate, sync] = [promisify(write), promisify(ftruncate), promisify(fsync)];

const IN_PLACE_BLOCK = Buffer.alloc(512);
/** More than LMDB's file grows by in a renewal. */
const ROOM_CHECK_BLOCK = Buffer.alloc(64 * 1024);

/**
 * A small file beside the store that is written before the store is. LMDB's C code prints a failed write to standard
 * error without a line end, in the middle of the log; so LMDB is not called when a write would fail.
 */
export class DiskProbe {
  readonly #file: number;
  #needsRoomCheck = false;
  #closed = false;
  /** Writes under way, which `close` waits for: the file descriptor could be another file's by the time they end. */
  readonly #writes = new Set<Promise<void>>();

  /** Throws the system's error if the file cannot be opened. */
  constructor(file: string) {
    this.#file = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  }

  /**
   * Rejects if the disk cannot be written. Usually writes in place, because LMDB finds room in its own file when the
   * disk is full; after `requireRoomCheck` there must be room for more.
   */
  async write(): Promise<void> {
    if (this.#closed) throw new Error('closed');
    const work = this.#write();
    this.#writes.add(work);
    await work.finally(() => this.#writes.delete(work));
  }

  /** Called when the store could not be written although this file could. */
  requireRoomCheck(): void {
    this.#needsRoomCheck = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#writes);
    closeSync(this.#file);
  }

  async #write(): Promise<void> {
    if (!this.#needsRoomCheck) {
      await writeAt(this.#file, IN_PLACE_BLOCK, 0, IN_PLACE_BLOCK.length, 0);
      return;
    }
    await truncate(this.#file, 0);
    const { bytesWritten } = await writeAt(this.#file, ROOM_CHECK_BLOCK, 0, ROOM_CHECK_BLOCK.length, 0);
    if (bytesWritten < ROOM_CHECK_BLOCK.length) throw new Error('no space left on device');
    await sync(this.#file);
    await truncate(this.#file, IN_PLACE_BLOCK.length);
    this.#needsRoomCheck = false;
  }
}
