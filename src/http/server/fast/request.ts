import type { Socket } from 'node:net';
import type { InboundRequest } from '../exchange.ts';
import { endOfLine, parseFields } from '../../fields.ts';
import { encodeRawBytes } from '../raw-targets.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
/** A request line as all clients write it: origin form, visible ASCII, HTTP/1.1 (RFC 9112 §3). */
const REQUEST_LINE = /^([A-Z]+) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const LENGTH = /^\d{1,7}$/;
/** More fields than any honest client sends. */
const MAX_FIELDS = 100;

/** A block of fields longer than this is not kept for the next request. Bytes. */
const MAX_CACHED_BYTES = 2 * 1024;

/**
 * The fields of a request, and what they say of it. Most callers send the same ones with every request on a connection:
 * while they come byte for byte the same, what was found out about them holds.
 */
export class FieldBlock {
  /** Bytes of the whole block, its empty line too. */
  readonly length: number;
  /** Names and values in turn, as sent. */
  readonly raw: string[];
  /** The caller will send no further request on this connection. */
  readonly closeAfter: boolean;
  /** Bytes of the body. */
  readonly bodyLength: number;
  /** The gate has let these fields pass. */
  validated = false;
  readonly #text: string;

  /** `text`: the whole block. */
  constructor(text: string, raw: string[], closeAfter: boolean, bodyLength: number) {
    this.#text = text;
    this.length = text.length;
    this.raw = raw;
    this.closeAfter = closeAfter;
    this.bodyLength = bodyLength;
  }

  /** Small enough to be kept with an idle connection. */
  get cacheable(): boolean {
    return this.length <= MAX_CACHED_BYTES;
  }

  /** Whether exactly these fields come at this place. */
  isAt(bytes: Buffer, at: number): boolean {
    return at + this.length <= bytes.length && bytes.toString('latin1', at, at + this.length) === this.#text;
  }
}

/** The head of a plain request. */
export interface FastHead {
  readonly method: string;
  readonly url: string;
  readonly fields: FieldBlock;
  /** Where the body begins. */
  readonly bodyAt: number;
}

/**
 * The head with which these bytes begin, if it is a plain one: all here, its body announced by a length or not at all,
 * nothing said twice, nothing that asks for anything special of the connection. Raw bytes of its target are encoded.
 * Undefined for all else, be it good or bad. That is not a verdict: node:http reads it then, from its first byte.
 * `before`: the fields of the connection's last request.
 */
export function readFastHead(bytes: Buffer, maxHeadBytes: number, previous?: FieldBlock): FastHead | undefined {
  const lineEnd = endOfLine(bytes, 0, bytes.length);
  if (lineEnd === -1 || lineEnd > maxHeadBytes / 2) return undefined;
  const text = bytes.toString('latin1', 0, lineEnd);
  const line = REQUEST_LINE.exec(text) ?? REQUEST_LINE.exec(encodeRawBytes(text));
  if (line === null || !METHODS.has(line[1]!)) return undefined;
  const at = lineEnd + 2;
  const fields = previous?.isAt(bytes, at) === true ? previous : fieldBlock(bytes, at, maxHeadBytes);
  return fields && { method: line[1]!, url: line[2]!, fields, bodyAt: at + fields.length };
}

function fieldBlock(bytes: Buffer, at: number, maxHeadBytes: number): FieldBlock | undefined {
  // From the end of the line before: there may be no field at all.
  const end = bytes.indexOf(HEAD_END, at - 2);
  // Node counts the head's bytes a little differently; where it could matter, it is asked.
  if (end === -1 || end > maxHeadBytes / 2) return undefined;
  // A text of its own: as a part of a longer one it would keep all of that in memory.
  const block = bytes.subarray(at, end + HEAD_END.length);
  const text = block.toString('latin1');
  const raw = parseFields(text, block, 0, text.length - 2, MAX_FIELDS);
  if (typeof raw === 'string') return undefined;

  let closeAfter = false;
  let bodyLength = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    // Said twice it counts, joins, or spoils the request, depending on its name.
    if (isNamedBefore(raw, i)) return undefined;
    // By length first: nearly every field is told apart by it.
    switch (name.length) {
      case 6:
        if (/^expect$/i.test(name)) return undefined;
        break;
      case 7:
        if (/^upgrade$/i.test(name)) return undefined;
        break;
      case 10:
        if (!/^connection$/i.test(name)) break;
        closeAfter = /^close$/i.test(value);
        if (!closeAfter && !/^keep-alive$/i.test(value)) return undefined;
        break;
      case 14:
        if (!/^content-length$/i.test(name)) break;
        if (!LENGTH.test(value)) return undefined;
        bodyLength = Number(value);
        break;
      case 16:
        // To Node's parser the same as Connection.
        if (/^proxy-connection$/i.test(name)) return undefined;
        break;
      case 17:
        if (/^transfer-encoding$/i.test(name)) return undefined;
        break;
      default:
    }
  }
  return new FieldBlock(text, raw, closeAfter, bodyLength);
}

function isNamedBefore(fields: readonly string[], at: number): boolean {
  const name = fields[at]!;
  for (let i = 0; i < at; i += 2) {
    const other = fields[i]!;
    if (other.length === name.length && (other === name || other.toLowerCase() === name.toLowerCase())) return true;
  }
  return false;
}

/** A request all of which was here before anybody looked at it. */
export class FastRequest implements InboundRequest {
  readonly httpVersion = '1.1';
  readonly complete = true;
  readonly method: string;
  url: string;
  readonly fields: FieldBlock;
  readonly socket: Socket;
  readonly expectsContinue = false;
  readonly bodySource: 'none' | Buffer;

  constructor(head: FastHead, body: Buffer | undefined, socket: Socket) {
    this.method = head.method;
    this.url = head.url;
    this.fields = head.fields;
    this.socket = socket;
    this.bodySource = body ?? 'none';
  }

  /** Names and values in turn, as sent. */
  get rawHeaders(): string[] {
    return this.fields.raw;
  }

  /** Said once for as long as a connection's fields stay the same. */
  get validated(): boolean {
    return this.fields.validated;
  }

  set validated(good: boolean) {
    this.fields.validated = good;
  }

  field(name: string): string | undefined {
    const { raw } = this.fields;
    for (let i = 0; i < raw.length; i += 2)
      if (raw[i]!.length === name.length && raw[i]!.toLowerCase() === name) return raw[i + 1];
    return undefined;
  }

  discardBody(done: () => void): void {
    done();
  }
}
