import type { Socket } from 'node:net';
import type { OutboundResponse } from '../exchange.ts';

/**
 * Bodies up to this size leave in one write with their head, as one string: Node copies a short one to the system by
 * way of its stack. Bytes.
 */
const MAX_JOINED_BYTES = 12 * 1024;

/** What an answer has to know of the connection it goes out on. */
export interface ResponseChannel {
  readonly socket: Socket;
  /** `Connection` and, where the connection stays, `Keep-Alive`; each with its line end. */
  connectionFields(): string;
  /** The answer is out to its last byte. */
  responded(): void;
  /** No other request will be read, whatever `connectionFields` has said. */
  closeAfter(): void;
}

/** The answer to a plain request, framed as node:http frames it. */
export class FastResponse implements OutboundResponse {
  statusCode = 200;
  headersSent = false;
  writableFinished = false;
  destroyed = false;
  readonly #channel: ResponseChannel;
  readonly #headRequest: boolean;
  /** Waiting for the first bytes of the body, to leave with them. */
  #head = '';
  #noBody = false;
  #chunked = false;
  #onClose: (() => void)[] = [];
  #onDrain: (() => void) | undefined;

  /** `toHead`: the answer to a HEAD request, which has no body whatever its fields say (RFC 9110 §9.3.2). */
  constructor(channel: ResponseChannel, headRequest: boolean) {
    this.#channel = channel;
    this.#headRequest = headRequest;
  }

  writeHead(status: number, reason: string, headers: string[]): void {
    this.statusCode = status;
    this.headersSent = true;
    let head = `HTTP/1.1 ${status} ${reason}\r\n`;
    let length = false;
    let date = false;
    let connection = false;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!;
      const value = headers[i + 1]!;
      head += `${name}: ${value}\r\n`;
      if (name.length === 4) date ||= name.toLowerCase() === 'date';
      else if (name.length === 14) length ||= name.toLowerCase() === 'content-length';
      else if (name === 'connection') connection = true;
    }
    if (!date) head += dateField();
    // Our own answers only ever say `close`; upstreams have no say in it.
    if (connection) this.#channel.closeAfter();
    else head += this.#channel.connectionFields();
    this.#noBody = this.#headRequest || status === 204 || status === 304;
    this.#chunked = !length && !this.#noBody;
    if (this.#chunked) head += 'Transfer-Encoding: chunked\r\n';
    this.#head = `${head}\r\n`;
  }

  flushHeaders(): void {
    this.#channel.socket.write(this.#takeHead(), 'latin1');
  }

  write(chunk: Buffer, written?: (error: Error | null | undefined) => void): boolean {
    const { socket } = this.#channel;
    if (this.#noBody || chunk.length === 0) return true;
    if (this.#head === '' && !this.#chunked) return socket.write(chunk, written);
    socket.cork();
    socket.write(this.#chunked ? `${this.#takeHead()}${chunk.length.toString(16)}\r\n` : this.#takeHead(), 'latin1');
    socket.write(chunk, written);
    if (this.#chunked) socket.write('\r\n', 'latin1');
    socket.uncork();
    return !socket.writableNeedDrain;
  }

  end(chunk?: Buffer | string): void {
    const { socket } = this.#channel;
    const body = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (body === undefined || body.length === 0 || this.#noBody) {
      const rest = this.#chunked ? `${this.#takeHead()}0\r\n\r\n` : this.#takeHead();
      if (rest !== '') socket.write(rest, 'latin1');
    } else if (body.length <= MAX_JOINED_BYTES) {
      const text = body.toString('latin1');
      socket.write(
        this.#chunked
          ? `${this.#takeHead()}${body.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
          : `${this.#takeHead()}${text}`,
        'latin1',
      );
    } else {
      this.write(body);
      if (this.#chunked) socket.write('0\r\n\r\n', 'latin1');
    }
    // What the system has not taken yet keeps the next request waiting, or a caller who reads nothing could pile up
    // answers.
    if (socket.writableLength === 0) this.#finish();
    else
      socket.write('', (error) => {
        if (error === undefined || error === null) this.#finish();
      });
  }

  destroy(): void {
    this.destroyed = true;
    this.#channel.socket.destroy();
  }

  on(event: 'close' | 'drain', listener: () => void): void {
    if (event === 'drain') this.#onDrain = listener;
    else this.#onClose.push(listener);
  }

  get socket(): Socket {
    return this.#channel.socket;
  }

  get writableLength(): number {
    return this.#channel.socket.writableLength;
  }

  // ---- the connection's side

  connectionDrained(): void {
    this.#onDrain?.();
  }

  /** The connection has gone, before the answer's end or after it. */
  connectionClosed(): void {
    this.destroyed = true;
    this.#close();
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  #finish(): void {
    if (this.destroyed) return;
    this.writableFinished = true;
    this.#close();
    this.#channel.responded();
  }

  #close(): void {
    const listeners = this.#onClose;
    this.#onClose = [];
    for (const listener of listeners) listener();
  }
}

let dateAt = 0;
let dateText = '';

/** RFC 9110 §6.6.1. Most replies bring their own. */
function dateField(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== dateAt) {
    dateAt = now;
    dateText = `Date: ${new Date(now * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}
