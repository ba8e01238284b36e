/** One complete request as it stood on the wire. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** The bytes cannot be read in exactly one way. */
export class Ambiguous extends Error {
  override readonly name = 'Ambiguous';
}

const HEAD_LIMIT = 128 * 1024;
const TOKEN_BYTES = new Set(
  Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
);
const DIGITS = '0123456789';
const HEX = '0123456789abcdefABCDEF';

/**
 * A second reader of requests, independent of the proxy's own code and of Node's parser: RFC 9112 taken literally, and
 * nothing of what the RFC merely tolerates. It sees what went upstream, where every byte was written by the proxy, so
 * there is no reason to forgive anything.
 */
export class RequestStream {
  #bytes: Buffer = Buffer.alloc(0);
  #fault: string | undefined;

  /** Why the rest of this connection cannot be read; undefined while all is well. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** What came and belongs to no complete request. */
  get rest(): Buffer {
    return this.#bytes;
  }

  /** The requests that are complete with these bytes. After a fault: none any more. */
  feed(bytes: Buffer): SeenRequest[] {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    const complete: SeenRequest[] = [];
    if (this.#fault !== undefined) return complete;
    try {
      for (;;) {
        const cursor = new Cursor(this.#bytes);
        const request = readRequest(cursor);
        if (request === undefined) return complete;
        complete.push(request);
        this.#bytes = this.#bytes.subarray(cursor.at);
        if (this.#bytes.length === 0) return complete;
      }
    } catch (error) {
      if (!(error instanceof Ambiguous)) throw error;
      this.#fault = error.message;
      return complete;
    }
  }
}

/** A place in the bytes so far. */
class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** The next line without its CR LF; undefined if it is not all here. */
  line(): Buffer | undefined {
    for (let i = this.at; i < this.bytes.length; i += 1) {
      const byte = this.bytes[i]!;
      if (byte === 10) throw new Ambiguous('a line feed without a carriage return');
      if (byte !== 13) continue;
      if (i + 1 === this.bytes.length) return undefined;
      if (this.bytes[i + 1] !== 10) throw new Ambiguous('a carriage return inside a line');
      const line = this.bytes.subarray(this.at, i);
      this.at = i + 2;
      return line;
    }
    if (this.bytes.length - this.at > HEAD_LIMIT) throw new Ambiguous('a line without an end');
    return undefined;
  }

  /** Exactly so many bytes; undefined if they are not all here. */
  take(count: number): Buffer | undefined {
    if (this.bytes.length - this.at < count) return undefined;
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
}

function readRequest(cursor: Cursor): SeenRequest | undefined {
  const first = cursor.line();
  if (first === undefined) return undefined;
  const words = first.toString('latin1').split(' ');
  if (words.length !== 3) throw new Ambiguous('a request line of other than three words');
  const [method, target, version] = words as [string, string, string];
  if (version !== 'HTTP/1.1') throw new Ambiguous('another version than HTTP/1.1');
  if (!/^[A-Z]+$/.test(method)) throw new Ambiguous('a method that is not upper-case letters');
  if (!target.startsWith('/')) throw new Ambiguous('a target that is not a path');
  for (const letter of target)
    if (letter <= ' ' || letter > '~' || letter === '#')
      throw new Ambiguous('a byte in the target that has no place there');

  const fields: (readonly [string, string])[] = [];
  for (;;) {
    const line = cursor.line();
    if (line === undefined) return undefined;
    if (line.length === 0) break;
    fields.push(readField(line));
  }
  const body = readBody(cursor, fields);
  return body === undefined ? undefined : { method, target, fields, body };
}

function readField(line: Buffer): readonly [string, string] {
  const colon = line.indexOf(0x3a);
  if (colon <= 0) throw new Ambiguous('a field without a name');
  for (let i = 0; i < colon; i += 1)
    if (!TOKEN_BYTES.has(line[i]!)) throw new Ambiguous('a byte in a field name that has no place there');
  for (let i = colon + 1; i < line.length; i += 1) {
    const byte = line[i]!;
    if ((byte < 0x20 && byte !== 9) || byte === 0x7f) throw new Ambiguous('a control byte in a field value');
  }
  let from = colon + 1;
  let to = line.length;
  while (from < to && (line[from] === 0x20 || line[from] === 9)) from += 1;
  while (to > from && (line[to - 1] === 0x20 || line[to - 1] === 9)) to -= 1;
  return [line.toString('latin1', 0, colon), line.toString('latin1', from, to)];
}

/** RFC 9112 §6.3 for requests; undefined if the body is not all here. */
function readBody(cursor: Cursor, fields: SeenRequest['fields']): Buffer | undefined {
  const all = (wanted: string): string[] =>
    fields.filter(([name]) => name.toLowerCase().replaceAll('_', '-') === wanted).map(([, value]) => value);
  if (all('host').length !== 1 || all('host')[0] === '') throw new Ambiguous('not exactly one Host');
  const lengths = all('content-length');
  const codings = all('transfer-encoding');
  if (lengths.length + codings.length > 1) throw new Ambiguous('more than one statement about the length of the body');
  if (fields.some(([name]) => /^(content_length|transfer_encoding)$/i.test(name)))
    throw new Ambiguous('a look-alike of a framing field');
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') throw new Ambiguous('a transfer coding that is not plainly chunked');
    return readChunks(cursor);
  }
  if (lengths.length === 0) return Buffer.alloc(0);
  return cursor.take(plainNumber(lengths[0]!, DIGITS, 10));
}

function readChunks(cursor: Cursor): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (;;) {
    const line = cursor.line();
    if (line === undefined) return undefined;
    const size = plainNumber(line.toString('latin1'), HEX, 16);
    if (size === 0) break;
    const chunk = cursor.take(size);
    const end = chunk && cursor.take(2);
    if (chunk === undefined || end === undefined) return undefined;
    if (end[0] !== 13 || end[1] !== 10) throw new Ambiguous('a chunk longer than it says');
    chunks.push(chunk);
  }
  const last = cursor.line();
  if (last === undefined) return undefined;
  if (last.length > 0) throw new Ambiguous('a trailer');
  return Buffer.concat(chunks);
}

function plainNumber(text: string, digits: string, base: number): number {
  if (text === '' || text.length > 15 || Array.from(text).some((digit) => !digits.includes(digit)))
    throw new Ambiguous('a length that is not one plain number');
  return Number.parseInt(text, base);
}
