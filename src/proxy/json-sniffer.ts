import { decodeBodyStart } from '../http/coding.ts';

/** What a body begins with: `unknown` while there is only whitespace, or too little compressed data. */
type Start = 'unknown' | 'json' | 'other';

/** Whitespace, byte order marks, and the zero byte of a UTF-16 letter. */
const IGNORED_BYTES: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf, 0xfe, 0xff, 0x00]);
const OBJECT = 0x7b;
const ARRAY = 0x5b;
const OBJECT_END = 0x7d;
const ARRAY_END = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const GZIP = 0x1f;
/** The first letter is nearly always among what these decode to. */
const FIRST_DECODE_BYTES = 256;

/**
 * Checks a body as it arrives, without consuming it: whether it begins like a JSON object or array, and whether that
 * has ended. Each byte is read once, however small the pieces are.
 */
export class JsonSniffer {
  readonly #coding: string | undefined;
  #start: Start = 'unknown';
  #nextChunk = 0;
  /** Size at which compressed data is decoded again: doubled each time, to bound the cost. */
  #nextDecodeBytes = 1;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #compressed: boolean;
  /** UTF-16: its end is not detected. */
  #utf16 = false;
  #ended = false;
  #hasTrailing = false;

  /** `coding`: the value of Content-Encoding. */
  constructor(coding: string | undefined) {
    this.#coding = coding;
    this.#compressed = coding !== undefined && !/^(identity)?$/i.test(coding.trim());
  }

  /** The object or array has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** More follows it, so it is not the whole body. */
  get hasTrailing(): boolean {
    return this.#hasTrailing;
  }

  /** `chunks`: the body so far; the list of the previous call, perhaps longer. */
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
      // Some gateways compress without Content-Encoding.
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
    while (this.#start === 'unknown' && bytes.length >= this.#nextDecodeBytes) {
      const end = Math.max(this.#nextDecodeBytes, Math.min(bytes.length, FIRST_DECODE_BYTES));
      this.#sniffDecoded(bytes.subarray(0, end));
      this.#nextDecodeBytes = 2 * end;
    }
  }

  #sniffDecoded(bytes: Buffer): void {
    const text = decodeBodyStart(bytes, this.#coding);
    const first = text?.find((byte) => !IGNORED_BYTES.has(byte));
    if (text === undefined) this.#start = 'other';
    else if (first !== undefined) this.#start = first === OBJECT || first === ARRAY ? 'json' : 'other';
  }
}
