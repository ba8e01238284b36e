import type { Socket } from 'node:net';
import type { RequestHandler } from '../exchange.ts';
import { FastResponse, type ResponseChannel } from './response.ts';
import { FastRequest, readFastHead, type FieldBlock, type FastHead } from './request.ts';

/** A longer body is not awaited before the request is handled: the client may not be allowed to send it. Bytes. */
const MAX_AWAITED_BODY_BYTES = 16 * 1024;
/**
 * What a client may send during the response before reading is paused. While it is paused, a disconnect is noticed only
 * when the response is written. Bytes.
 */
const MAX_PENDING_BYTES = 16 * 1024;
/** The same in pieces: one byte as a piece takes as much memory as a hundred. */
const MAX_PENDING_PIECES = 64;

/** The fast engine, as far as a connection needs it. */
export interface ConnectionHost {
  readonly handler: RequestHandler;
  /** Limit on a request's header section. Bytes. */
  readonly maxHeadBytes: number;
  /** `Connection` and `Keep-Alive` for a connection that stays open. */
  readonly keepAliveFields: string;
  /** Every response closes its connection. */
  readonly draining: boolean;
  /** Hands the connection to node:http, which reads `bytes` first and then, if `ended`, the end. */
  fallBack(connection: FastConnection, bytes: Buffer, ended: boolean): void;
  closed(connection: FastConnection): void;
}

/**
 * A client connection that carries ordinary requests only, one at a time. At the first bytes that are anything else, it
 * is handed to node:http for good.
 */
export class FastConnection implements ResponseChannel {
  readonly socket: Socket;
  /** Ticks without activity. */
  idleTicks = 0;
  /** It has received a request. */
  used = false;
  readonly #host: ConnectionHost;
  #response: FastResponse | undefined;
  /** Fields of the last request. */
  #fields: FieldBlock | undefined;
  /** A request whose body is incomplete. */
  #partial: { readonly head: FastHead; readonly pieces: Buffer[]; size: number } | undefined;
  /** Received during a response, or before the handover to node:http. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #fallingBack = false;
  /** After the last response or a half-close: input is dropped. */
  #ignoring = false;
  #inputEnded = false;
  #closeAfterResponse = false;

  constructor(socket: Socket, host: ConnectionHost) {
    this.socket = socket;
    this.#host = host;
    socket
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('drain', this.#onDrain)
      .on('error', this.#onError)
      .on('close', this.#onClose);
  }

  get responding(): boolean {
    return this.#response !== undefined;
  }

  /** The rest of a body is awaited. */
  get awaitingBody(): boolean {
    return this.#partial !== undefined;
  }

  /** The handover to node:http has been scheduled. */
  get fallingBack(): boolean {
    return this.#fallingBack;
  }

  connectionFields(): string {
    if (this.#host.draining) this.#closeAfterResponse = true;
    return this.#closeAfterResponse ? 'Connection: close\r\n' : this.#host.keepAliveFields;
  }

  closeAfter(): void {
    this.#closeAfterResponse = true;
  }

  responded(): void {
    this.#response = undefined;
    this.idleTicks = 0;
    if (this.#closeAfterResponse) {
      this.#ignoring = true;
      this.socket.destroySoon();
      return;
    }
    if (this.#pendingBytes > 0) this.#fallBack(this.#pending);
  }

  /** Sends 100 Continue, if a response is due and has not begun. */
  sendInterim(): boolean {
    if (this.#response === undefined || this.#response.headersSent) return false;
    this.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    return true;
  }

  /** Drops all further input. */
  ignoreInput(): void {
    this.#ignoring = true;
  }

  /** Hands an incomplete request to node:http. */
  handOver(): void {
    this.#fallBack(this.#partial?.pieces ?? []);
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#ignoring) return;
    if (this.#response !== undefined || this.#fallingBack) {
      this.#pending.push(bytes);
      this.#pendingBytes += bytes.length;
      if ((this.#pendingBytes > MAX_PENDING_BYTES || this.#pending.length > MAX_PENDING_PIECES) && !this.#fallingBack)
        this.socket.pause();
      return;
    }
    const partial = this.#partial;
    if (partial !== undefined) {
      partial.pieces.push(bytes);
      partial.size += bytes.length;
      if (partial.size < partial.head.bodyAt + partial.head.fields.bodyLength) {
        if (partial.pieces.length > MAX_PENDING_PIECES) this.#fallBack(partial.pieces);
        return;
      }
      this.#partial = undefined;
      this.#handle(partial.head, Buffer.concat(partial.pieces));
      return;
    }
    const head = readFastHead(bytes, this.#host.maxHeadBytes, this.#fields);
    if (head === undefined) this.#fallBack([bytes]);
    else if (bytes.length >= head.bodyAt + head.fields.bodyLength) this.#handle(head, bytes);
    else if (head.fields.bodyLength <= MAX_AWAITED_BODY_BYTES) this.#awaitBody(head, bytes);
    else this.#fallBack([bytes]);
  };

  #awaitBody(head: FastHead, bytes: Buffer): void {
    this.idleTicks = 0;
    this.#partial = { head, pieces: [bytes], size: bytes.length };
  }

  #handle(head: FastHead, bytes: Buffer): void {
    const end = head.bodyAt + head.fields.bodyLength;
    // Pipelined requests.
    if (bytes.length > end) {
      this.#fallBack([bytes]);
      return;
    }
    this.used = true;
    this.#fields = head.fields.cacheable ? head.fields : undefined;
    this.#closeAfterResponse = head.fields.closeAfter;
    this.#response = new FastResponse(this, head.method === 'HEAD');
    this.#host.handler(
      new FastRequest(head, head.fields.bodyLength === 0 ? undefined : bytes.subarray(head.bodyAt), this.socket),
      this.#response,
    );
  }

  #fallBack(pieces: Buffer[]): void {
    this.#fallingBack = true;
    this.#partial = undefined;
    this.#pending = pieces;
    if (this.socket.isPaused()) this.socket.resume();
    // Not during a read: after it, the stream would go on reading even if node:http has paused it.
    setImmediate(() => {
      const { socket } = this;
      if (socket.destroyed) return;
      socket
        .off('data', this.#onData)
        .off('end', this.#onEnd)
        .off('drain', this.#onDrain)
        .off('error', this.#onError)
        .off('close', this.#onClose);
      this.#host.fallBack(
        this,
        this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending),
        this.#inputEnded,
      );
    });
  }

  readonly #onEnd = (): void => {
    this.#inputEnded = true;
    if (this.#fallingBack) return;
    // The client may still wait for this response, and for those to its pipelined requests.
    if (this.#response !== undefined) {
      if (this.#pendingBytes === 0) this.#closeAfterResponse = true;
      return;
    }
    this.#ignoring = true;
    this.socket.end();
  };

  readonly #onDrain = (): void => this.#response?.connectionDrained();

  /** `close` follows. */
  readonly #onError = (): void => undefined;

  readonly #onClose = (): void => {
    this.#host.closed(this);
    this.#response?.connectionClosed();
  };
}
