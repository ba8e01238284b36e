import type { Socket } from 'node:net';
import type { InboundRequest } from '../exchange.ts';
import { endOfLine, parseFields } from '../../fields.ts';
import { encodeRawBytes } from '../raw-targets.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
/** A request line as clients usually send it: origin form, visible ASCII, HTTP/1.1 (RFC 9112 §3). */
const REQUEST_LINE = /^([A-Z]+) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const LENGTH = /^\d{1,7}$/;
/** More fields than real clients send. */
const MAX_FIELDS = 100;

/** Longer header sections are not cached for the next request. Bytes. */
const MAX_CACHED_BYTES = 2 * 1024;

/**
 * The header section of a request, parsed. Most clients repeat it with every request on a connection: as long as it is
 * the same byte for byte, the parsed one is used again.
 */
export class FieldBlock {
  /** Bytes of the section, with its empty line. */
  readonly length: number;
  /** Names and values in turn, as sent. */
  readonly raw: string[];
  /** The client sends no further request on this connection. */
  readonly closeAfter: boolean;
  /** Content-Length. Bytes. */
  readonly bodyLength: number;
  /** These fields have passed request validation. */
  validated = false;
  readonly #text: string;

  /** `text`: the whole section. */
  constructor(text: string, raw: string[], closeAfter: boolean, bodyLength: number) {
    this.#text = text;
    this.length = text.length;
    this.raw = raw;
    this.closeAfter = closeAfter;
    this.bodyLength = bodyLength;
  }

  /** Small enough to keep with an idle connection. */
  get cacheable(): boolean {
    return this.length <= MAX_CACHED_BYTES;
  }

  /** Whether the same bytes are at this position. */
  isAt(bytes: Buffer, at: number): boolean {
    return bytes.toString('latin1', at, at + this.length) === this.#text;
  }
}

/** Request line and header section of an ordinary request. */
export interface FastHead {
  readonly method: string;
  readonly url: string;
  readonly fields: FieldBlock;
  /** Position of the body. */
  readonly bodyAt: number;
}

/**
 * Parses the start of an ordinary request: complete header section, Content-Length or no body, no repeated field,
 * nothing special about the connection. Raw bytes in the target are encoded. Undefined for everything else, valid or
 * not: node:http then reads it from its first byte. `previous`: the fields of the connection's last request.
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
  // Includes the CR LF of the request line: there may be no field at all.
  const end = bytes.indexOf(HEAD_END, at - 2);
  // Node counts header bytes slightly differently, so it decides near the limit.
  if (end === -1 || end > maxHeadBytes / 2) return undefined;
  // A copy: a substring would keep the longer string in memory.
  const block = bytes.subarray(at, end + HEAD_END.length);
  const text = block.toString('latin1');
  const raw = parseFields(text, block, 0, text.length - 2, MAX_FIELDS);
  if (typeof raw === 'string') return undefined;

  let closeAfter = false;
  let bodyLength = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    // Depending on its name, a repeated field is combined, ignored or invalid.
    if (isNamedBefore(raw, i)) return undefined;
    // By length first, which rules out nearly every field.
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
        // Node's parser takes no tab behind a length, though RFC 9110 §5.5 allows it. So it decides.
        if (!LENGTH.test(value) || text.includes('\t')) return undefined;
        bodyLength = Number(value);
        break;
      case 16:
        // Node's parser treats it as Connection.
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

/** A request that was complete before it was handled. */
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

  /** Stored with the fields, so that it holds while a connection repeats them. */
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
