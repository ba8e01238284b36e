import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes that are sealed together. */
const BLOCK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const SEALED_BYTES = BLOCK_BYTES + TAG_BYTES;

/**
 * A file for bytes that must not lie on a disk: it has no name (it is removed as soon as it is open), each block is
 * sealed with AES-256-GCM, and the key is in memory only. Bytes are added at its end and read from anywhere; the last,
 * incomplete block stays in memory. One call at a time.
 */
export class SealedFile {
  readonly #file: FileHandle;
  readonly #key = randomBytes(32);
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #blocks = 0;
  #inBlock = 0;
  /** The last write, which the next call waits for. */
  #written: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Rejects with the system's error. */
  static async create(folder: string): Promise<SealedFile> {
    const path = join(folder, `.tokenward-spill-${randomBytes(12).toString('hex')}`);
    const file = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new SealedFile(file);
  }

  /** Adds bytes, which are copied at once. Rejects with the error of this write or of the one before. */
  async append(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#closed;) {
      const length = Math.min(bytes.length - at, BLOCK_BYTES - this.#inBlock);
      bytes.copy(this.#block, this.#inBlock, at, at + length);
      this.#inBlock += length;
      at += length;
      if (this.#inBlock < BLOCK_BYTES) continue;
      const sealed = this.#seal();
      const position = this.#blocks * SEALED_BYTES;
      this.#blocks += 1;
      this.#inBlock = 0;
      // One write at a time: a slow disk slows down the client.
      await this.#written;
      this.#written = this.#write(sealed, position);
      // Whoever waits for it gets the error.
      this.#written.catch(() => undefined);
    }
  }

  /** Resolves when all complete blocks are in the file. Rejects if they are not. */
  async written(): Promise<void> {
    await this.#written;
  }

  /** The bytes from `position` to the end of their block, or of the file. Rejects if they are not as written. */
  async read(position: number): Promise<Buffer> {
    await this.#written;
    const block = Math.floor(position / BLOCK_BYTES);
    const start = position % BLOCK_BYTES;
    if (block > this.#blocks || (block === this.#blocks && start >= this.#inBlock)) throw new Error('nothing is there');
    if (block === this.#blocks) return Buffer.from(this.#block.subarray(start, this.#inBlock));
    const sealed = Buffer.allocUnsafeSlow(SEALED_BYTES);
    await transferAll(SEALED_BYTES, async (done) => {
      const { bytesRead } = await this.#file.read(sealed, done, SEALED_BYTES - done, block * SEALED_BYTES + done);
      return bytesRead;
    });
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonceOf(block));
    decipher.setAuthTag(sealed.subarray(BLOCK_BYTES));
    const plain = decipher.update(sealed.subarray(0, BLOCK_BYTES));
    decipher.final();
    return start === 0 ? plain : plain.subarray(start);
  }

  /** Gives the space back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#key.fill(0);
    this.#block.fill(0);
    await this.#written.catch(() => undefined);
    await this.#file.close();
  }

  #seal(): Buffer[] {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(this.#blocks));
    const sealed = cipher.update(this.#block);
    cipher.final();
    return [sealed, cipher.getAuthTag()];
  }

  async #write([sealed, tag]: readonly Buffer[], position: number): Promise<void> {
    const whole = Buffer.concat([sealed!, tag!]);
    await transferAll(whole.length, async (done) => {
      const { bytesWritten } = await this.#file.write(whole, done, whole.length - done, position + done);
      return bytesWritten;
    });
  }
}

/** Each block has a number of its own, and the key is new: no nonce is used twice. */
function nonceOf(block: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(block), 4);
  return nonce;
}

/** Repeats a read or write, which may transfer a part only, until all bytes are through. */
async function transferAll(length: number, transfer: (done: number) => Promise<number>): Promise<void> {
  for (let done = 0; done < length;) {
    const more = await transfer(done);
    if (more === 0) throw new Error('a file on disk is shorter than it was written');
    done += more;
  }
}
