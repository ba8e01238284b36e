import { isAscii } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** The parser of node:http, which keeps the last message. */
interface Parser {
  readonly incoming?: IncomingMessage | null;
}
/** A connection of node:http, which stores its parser there. */
type ParsedSocket = Socket & {
  readonly parser?: Parser | null;
  /** While it is set, node:http's listener must not be called: it would throw. */
  readonly _paused?: boolean;
};
type Reader = (this: Socket, bytes: Buffer) => void;

const LF = 10;
const CR = 13;
const HEAD_END = '\r\n\r\n';

/**
 * Percent-encodes bytes beyond ASCII one by one (RFC 3986 §2.1). Old PHP or C clients send the letters of a path or a
 * query unencoded, in UTF-8 or in a code page; a decoder gets the same bytes back. `text`: Latin-1.
 */
export function encodeRawBytes(text: string): string {
  return text.replaceAll(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * Encodes raw bytes in the request targets of a node:http connection, whose parser refuses them (HPE_INVALID_URL). Call
 * it after node:http has taken the connection, and before it has read anything.
 */
export function encodeRawTargets(socket: ParsedSocket): void {
  const readers = socket.listeners('data') as Reader[];
  const { parser } = socket;
  if (parser === undefined || parser === null || readers.length === 0) return;
  const encoder = new TargetEncoder(socket, parser, (bytes) => {
    for (const reader of readers) reader.call(socket, bytes);
  });
  encoders.set(socket, encoder);
  for (const reader of readers) socket.off('data', reader);
  encoder.listen();
}

/** Ends the encoding on a connection that node:http has detached. Bytes that were not passed return to the stream. */
export function stopEncoding(socket: Socket): void {
  encoders.get(socket)?.stop();
}

const encoders = new WeakMap<Socket, TargetEncoder>();

/** Whether the request received so far is an incomplete request line. */
export function isInFirstLine(socket: Socket): boolean {
  return encoders.get(socket)?.isInFirstLine === true;
}

/** Whether bytes are held until node:http resumes reading. */
export function hasPending(socket: Socket): boolean {
  return encoders.get(socket)?.hasPending === true;
}

/**
 * Filters the input of node:http's parser, and changes request lines only. The parser decides where messages end and
 * how they are framed. Behind a chunked body that is certain only if the read ends with it: a request that begins in
 * the same read is not changed.
 */
class TargetEncoder {
  readonly #socket: ParsedSocket;
  readonly #parser: Parser;
  readonly #toParser: (bytes: Buffer) => void;
  /** What comes next: an empty line or a request line, the rest of a request line, fields, a body. */
  #state: 'start' | 'line' | 'fields' | 'body' = 'start';
  readonly #pending: Buffer[] = [];
  #flushing = false;
  /** Bytes until the body ends; Infinity: not known. */
  #bodyRemaining = 0;
  /** The last few bytes of this message: the end of its header section or body may be split across two reads. */
  #tail = '';
  readonly #onData = (bytes: Buffer): void => {
    this.#pending.push(bytes);
    this.flush();
  };
  readonly #onResume = (): void => this.flush();

  constructor(socket: ParsedSocket, parser: Parser, toParser: (bytes: Buffer) => void) {
    this.#socket = socket;
    this.#parser = parser;
    this.#toParser = toParser;
  }

  listen(): void {
    this.#socket.on('data', this.#onData).on('resume', this.#onResume);
  }

  stop(): void {
    this.#socket.off('data', this.#onData).off('resume', this.#onResume);
    this.#unshiftPending();
  }

  get isInFirstLine(): boolean {
    return this.#state === 'line';
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** Passes pending bytes while node:http reads: it may pause in the middle of a packet. */
  flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    const socket = this.#socket;
    while (this.#pending.length > 0 && socket._paused !== true && !socket.isPaused()) {
      // node:http has detached the connection, and its parser may serve another one by now.
      if (socket.parser !== this.#parser) {
        this.stop();
        break;
      }
      const bytes = this.#pending.shift()!;
      const consumed = this.#state === 'body' ? this.#passBody(bytes) : this.#passHead(bytes);
      if (consumed < bytes.length) this.#pending.unshift(bytes.subarray(consumed));
    }
    this.#flushing = false;
    this.#unshiftPending();
  }

  /** Returns pending bytes to the stream, so that they stay before its end. A stream that has ended takes none. */
  #unshiftPending(): void {
    if (this.#socket.readableEnded) return;
    // Otherwise the stream would emit them again at once. A detached connection has another reader.
    const isDetached = this.#socket.parser !== this.#parser;
    if (this.#pending.length > 0 && !isDetached && !this.#socket.isPaused()) this.#socket.pause();
    for (let bytes = this.#pending.pop(); bytes !== undefined; bytes = this.#pending.pop()) this.#socket.unshift(bytes);
  }

  /** Passes bytes of a header section; returns how many. */
  #passHead(bytes: Buffer): number {
    const lineEnd = this.#state === 'fields' ? 0 : this.#lineEnd(bytes);
    const headEnd = this.#state === 'fields' ? this.#headEnd(bytes, lineEnd) : -1;
    const end = headEnd === -1 ? bytes.length : headEnd;
    const previous = this.#parser.incoming;
    this.#toParser(encodeUpTo(bytes.subarray(0, end), lineEnd));
    if (this.#state !== 'start') this.#keepTail(bytes, end);
    if (headEnd !== -1) this.#endHead(previous);
    return end;
  }

  /** The end of the request line, or of these bytes. */
  #lineEnd(bytes: Buffer): number {
    const start = this.#state === 'line' ? 0 : bytes.findIndex((byte) => byte !== CR && byte !== LF);
    if (start === -1) return bytes.length;
    const at = bytes.indexOf(LF, start);
    this.#state = at === -1 ? 'line' : 'fields';
    return at === -1 ? bytes.length : at + 1;
  }

  #headEnd(bytes: Buffer, lineEnd: number): number {
    const before = this.#tail;
    const across = `${before}${bytes.toString('latin1', 0, 3)}`.indexOf(HEAD_END);
    if (across !== -1) return across + HEAD_END.length - before.length;
    const at = bytes.indexOf(HEAD_END, Math.max(0, lineEnd - 2));
    return at === -1 ? -1 : at + HEAD_END.length;
  }

  /** `previous`: the message before this one. If it is still the same, the parser has found no request here. */
  #endHead(previous: IncomingMessage | null | undefined): void {
    const message = this.#parser.incoming;
    if (message === undefined || message === null || message === previous) {
      this.#state = 'body';
      this.#bodyRemaining = Infinity;
    } else if (message.complete) {
      this.#reset();
    } else {
      this.#state = 'body';
      const { 'transfer-encoding': coding, 'content-length': length } = message.headers;
      this.#bodyRemaining = coding === undefined && Number(length) > 0 ? Number(length) : Infinity;
    }
  }

  #passBody(bytes: Buffer): number {
    const end = Math.min(bytes.length, this.#bodyRemaining);
    this.#toParser(end === bytes.length ? bytes : bytes.subarray(0, end));
    this.#bodyRemaining -= end;
    this.#keepTail(bytes, end);
    // A chunked body ends with an empty line.
    if (this.#parser.incoming?.complete === true && (this.#bodyRemaining === 0 || this.#tail === HEAD_END))
      this.#reset();
    // The parser has refused something.
    else if (this.#bodyRemaining === 0) this.#bodyRemaining = Infinity;
    return end;
  }

  #reset(): void {
    this.#state = 'start';
    this.#tail = '';
  }

  #keepTail(bytes: Buffer, end: number): void {
    const last = bytes.toString('latin1', Math.max(0, end - HEAD_END.length), end);
    this.#tail = `${this.#tail}${last}`.slice(-HEAD_END.length);
  }
}

/** Encodes raw bytes before `end`. */
function encodeUpTo(bytes: Buffer, end: number): Buffer {
  if (isAscii(bytes.subarray(0, end))) return bytes;
  return Buffer.concat([Buffer.from(encodeRawBytes(bytes.toString('latin1', 0, end))), bytes.subarray(end)]);
}
