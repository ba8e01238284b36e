import { decodeBodyStart } from '../http/coding.ts';

/** What a body begins with: `unknown` while only white space is here, or too little of what is compressed. */
type Start = 'unknown' | 'json' | 'other';

/** White space, byte order marks, and the empty half of a UTF-16 letter. */
const IGNORED_BYTES: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf, 0xfe, 0xff, 0x00]);
const OBJECT = 0x7b;
const ARRAY = 0x5b;
const OBJECT_END = 0x7d;
const ARRAY_END = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const GZIP = 0x1f;

/**
 * Looks at a body as it comes, without taking anything of it: whether it begins like a JSON object or list, and whether
 * that has ended. Each byte is looked at once, however small the pieces are.
 */
export class JsonSniffer {
  readonly #coding: string | undefined;
  #start: Start = 'unknown';
  #nextChunk = 0;
  /** As many bytes make the next look into what is compressed worth its cost. */
  #nextDecodeBytes = 1;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #compressed: boolean;
  /** In UTF-16: its end is not looked for. */
  #utf16 = false;
  #ended = false;
  #hasTrailing = false;

  /** `coding`: the value of Content-Encoding. */
  constructor(coding: string | undefined) {
    this.#coding = coding;
    this.#compressed = coding !== undefined && !/^\s*(identity)?\s*$/i.test(coding);
  }

  /** The object or list has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Something stands behind it, so it is not the whole of the body. */
  get hasTrailing(): boolean {
    return this.#hasTrailing;
  }

  /** `chunks`: all of the body so far; the same list as the last time, perhaps longer. */
  sniff(chunks: readonly Buffer[]): Start {
    for (; !this.#compressed && this.#nextChunk < chunks.length; this.#nextChunk += 1)
      this.#sniffPlain(chunks[this.#nextChunk]!);
    if (this.#compressed && this.#start === 'unknown' && chunks.length > 0) this.#sniffCompressed(chunks);
    return this.#start;
  }

  #sniffPlain(bytes: Buffer): void {
    let at = 0;
    if (this.#start === 'unknown') {
      while (at < bytes.length && IGNORED_BYTES.has(bytes[at]!)) {
        this.#utf16 ||= bytes[at] === 0x00 || bytes[at]! >= 0xfe;
        at += 1;
      }
      const first = bytes[at];
      if (first === undefined) return;
      // Compressed without saying so happens behind careless gateways.
      if (first === GZIP) {
        this.#compressed = true;
        return;
      }
      this.#start = first === OBJECT || first === ARRAY ? 'json' : 'other';
    }
    if (this.#start === 'json' && !this.#utf16) this.#scan(bytes, at);
  }

  #scan(bytes: Buffer, from: number): void {
    for (let at = from; at < bytes.length && !this.#hasTrailing; at += 1) {
      const byte = bytes[at]!;
      if (this.#ended) this.#hasTrailing = !IGNORED_BYTES.has(byte);
      else if (this.#escaped) this.#escaped = false;
      else if (this.#inString) {
        if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) this.#inString = true;
      else if (byte === OBJECT || byte === ARRAY) this.#depth += 1;
      else if (byte === OBJECT_END || byte === ARRAY_END) {
        this.#depth -= 1;
        this.#ended = this.#depth <= 0;
      }
    }
  }

  #sniffCompressed(chunks: readonly Buffer[]): void {
    const bytes = Buffer.concat(chunks);
    if (bytes.length < this.#nextDecodeBytes) return;
    this.#nextDecodeBytes = 2 * bytes.length;
    const text = decodeBodyStart(bytes, this.#coding);
    const first = text?.find((byte) => !IGNORED_BYTES.has(byte));
    if (text === undefined) this.#start = 'other';
    else if (first !== undefined) this.#start = first === OBJECT || first === ARRAY ? 'json' : 'other';
  }
}
