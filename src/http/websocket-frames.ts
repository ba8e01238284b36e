import { randomBytes } from 'node:crypto';

/** Opcode of a close frame (RFC 6455 §5.5.1). */
const CLOSE = 8;
/** The longest header of a frame: two bytes, a length of eight, a key of four. */
const MAX_HEADER_BYTES = 14;

/**
 * Follows the frames of one direction of a WebSocket (RFC 6455 §5.2), to know where one ends: a frame of our own may
 * only stand between two. It reads headers and skips payloads, whatever they are.
 */
export class FrameReader {
  /** A close frame has begun. */
  closes = false;
  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #headerBytes = 0;
  /** Bytes of the current payload that are still to come. */
  #left = 0;

  /** No frame has begun that has not ended. */
  get betweenFrames(): boolean {
    return this.#left === 0 && this.#headerBytes === 0;
  }

  /** Reads on. `stop`: only up to the end of the frame that has begun. Returns how many bytes were read. */
  read(bytes: Uint8Array, stop = false): number {
    let at = 0;
    while (at < bytes.length) {
      if (stop && this.betweenFrames) return at;
      if (this.#left > 0) {
        const size = Math.min(this.#left, bytes.length - at);
        this.#left -= size;
        at += size;
        continue;
      }
      this.#header[this.#headerBytes] = bytes[at]!;
      this.#headerBytes += 1;
      at += 1;
      if (this.#headerBytes >= 2) this.#readHeader();
    }
    return at;
  }

  #readHeader(): void {
    const header = this.#header;
    const short = header[1]! & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (this.#headerBytes < 2 + lengthBytes + (header[1]! & 0x80 ? 4 : 0)) return;
    let length = lengthBytes === 0 ? short : 0;
    // No frame is longer than 2^53 bytes, so that the number is exact.
    for (let i = 2; i < 2 + lengthBytes; i += 1) length = length * 256 + header[i]!;
    this.#headerBytes = 0;
    this.#left = length;
    if ((header[0]! & 0x0f) === CLOSE) this.closes = true;
  }
}

/** A close frame with this code. `masked`: as clients send it (RFC 6455 §5.3). */
export function closeFrame(code: number, masked: boolean): Buffer {
  const payload = [code >> 8, code & 0xff];
  if (!masked) return Buffer.from([0x80 | CLOSE, 2, ...payload]);
  const key = randomBytes(4);
  return Buffer.from([0x80 | CLOSE, 0x80 | 2, ...key, payload[0]! ^ key[0]!, payload[1]! ^ key[1]!]);
}
