import type { Socket } from 'node:net';
import type { OutboundResponse } from '../exchange.ts';

/**
 * Bodies up to this size are written together with the header section, as one string, which Node passes to the system
 * through its stack. Bytes.
 */
const MAX_JOINED_BYTES = 12 * 1024;

/** The connection, as far as a response needs it. */
export interface ResponseChannel {
  readonly socket: Socket;
  /** `Connection` and, if the connection stays open, `Keep-Alive`; each with its line end. */
  connectionFields(): string;
  /** The response has been sent completely. */
  responded(): void;
  /** Closes the connection after this response, whatever `connectionFields` returned. */
  closeAfter(): void;
}

/** The response to an ordinary request, framed as node:http does it. */
export class FastResponse implements OutboundResponse {
  statusCode = 200;
  headersSent = false;
  writableFinished = false;
  destroyed = false;
  readonly #channel: ResponseChannel;
  readonly #headRequest: boolean;
  /** Header section that waits for the first bytes of the body. */
  #head = '';
  #noBody = false;
  #chunked = false;
  #onClose: (() => void)[] = [];
  #onDrain: (() => void) | undefined;

  /** `headRequest`: the response to HEAD has no body, whatever its fields say (RFC 9110 §9.3.2). */
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
    // Only our own responses set it, and only to `close`; an upstream's is dropped.
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
    // The next request waits until the system has taken all bytes, so that a client that does not read cannot pile up
    // responses.
    if (socket.writableLength === 0) this.#finish();
    else
      socket.write('', (error) => {
        if (error === undefined || error === null) this.#finish();
      });
  }

  /** The response is complete, and its connection has left HTTP/1.1. */
  protected completeWith(status: number): void {
    this.statusCode = status;
    this.headersSent = true;
    this.writableFinished = true;
    this.#close();
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

  /** The connection has closed, before the end of the response or after it. */
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

/** RFC 9110 §6.6.1. Most upstream responses have one. */
function dateField(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== dateAt) {
    dateAt = now;
    dateText = `Date: ${new Date(now * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}
