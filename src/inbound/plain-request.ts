import type { Socket } from 'node:net';
import { endOfLine, fieldsOf } from '../fields.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
/** A request line as all clients write it: origin form, visible ASCII, HTTP/1.1 (RFC 9112 §3). */
const REQUEST_LINE = /^([A-Z]+) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const LENGTH = /^\d{1,7}$/;
/** More fields than any honest client sends. */
const FIELDS_MOST = 100;

/** The head of a plain request, and how much of its body there will be. */
export interface PlainHead {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: string[];
  /** The caller will send no further request on this connection. */
  readonly last: boolean;
  /** Where the body begins. */
  readonly bodyAt: number;
  /** Bytes of the body. */
  readonly bodyLength: number;
}

/**
 * The head with which these bytes begin, if it is a plain one: all here, its body announced by a length or not at all,
 * nothing said twice, nothing that asks for anything special of the connection. Undefined for all else, be it good or bad.
 * That is not a verdict: node:http reads it then, from its first byte.
 */
export function readPlainHead(bytes: Buffer, headMost: number): PlainHead | undefined {
  const end = bytes.indexOf(HEAD_END);
  // Node counts the head's bytes a little differently; where it could matter, it is asked.
  if (end === -1 || end > headMost / 2) return undefined;
  const text = bytes.toString('latin1', 0, end + 2);
  const lineEnd = endOfLine(bytes, 0, text.length);
  const line = lineEnd === -1 ? null : REQUEST_LINE.exec(text.slice(0, lineEnd));
  if (line === null || !METHODS.has(line[1]!)) return undefined;
  const rawHeaders = fieldsOf(text, bytes, lineEnd + 2, FIELDS_MOST);
  if (typeof rawHeaders === 'string') return undefined;

  let last = false;
  let bodyLength = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const value = rawHeaders[i + 1]!;
    // Said twice it counts, joins, or spoils the request, depending on its name.
    if (isNamedBefore(rawHeaders, i)) return undefined;
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
        last = /^close$/i.test(value);
        if (!last && !/^keep-alive$/i.test(value)) return undefined;
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
  return { method: line[1]!, url: line[2]!, rawHeaders, last, bodyAt: end + HEAD_END.length, bodyLength };
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
export class PlainRequest {
  readonly httpVersion = '1.1';
  readonly complete = true;
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: string[];
  readonly socket: Socket;
  /** Undefined: it has none. */
  readonly body: Buffer | undefined;

  constructor(head: PlainHead, body: Buffer | undefined, socket: Socket) {
    this.method = head.method;
    this.url = head.url;
    this.rawHeaders = head.rawHeaders;
    this.socket = socket;
    this.body = body;
  }
  /** The value of a field; `name` in lower case. */
  field(name: string): string | undefined {
    const { rawHeaders } = this;
    for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.length === name.length && rawHeaders[i]!.toLowerCase() === name) return rawHeaders[i + 1];
    return undefined;
  }
}
