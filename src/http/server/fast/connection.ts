import type { Socket } from 'node:net';
import type { RequestHandler } from '../exchange.ts';
import { FastResponse, type ResponseChannel } from './response.ts';
import { FastRequest, readFastHead, type FieldBlock, type FastHead } from './request.ts';

/**
 * The rest of a body is waited for if all of it is this short: nobody has asked yet whether its caller may send any.
 * Bytes.
 */
const MAX_AWAITED_BODY_BYTES = 16 * 1024;
/**
 * What a caller may send ahead while he is being answered, before he is not read any more; that he leaves is not seen
 * then until the upstream has spoken. Bytes.
 */
const MAX_PENDING_BYTES = 16 * 1024;
/** And in so many pieces: one of a single byte takes as much memory as a hundred bytes. */
const MAX_PENDING_PIECES = 64;

/** What a connection has to know of the fast path it is on. */
export interface ConnectionHost {
  readonly handler: RequestHandler;
  /** Bytes. */
  readonly maxHeadBytes: number;
  /** `Connection` and `Keep-Alive` of a connection that stays. */
  readonly keepAliveFields: string;
  /** Every answer is its connection's last. */
  readonly draining: boolean;
  /** From here on node:http reads this connection: `bytes` first and, if it has `ended`, its end. */
  fallBack(connection: FastConnection, bytes: Buffer, ended: boolean): void;
  closed(connection: FastConnection): void;
}

/**
 * A caller's connection, as long as only plain requests come on it, one at a time. With the first bytes that are
 * anything else it goes over to node:http, and stays there.
 */
export class FastConnection implements ResponseChannel {
  readonly socket: Socket;
  /** How often it was found standing still. */
  idleTicks = 0;
  /** It has been asked something. */
  used = false;
  readonly #host: ConnectionHost;
  #response: FastResponse | undefined;
  /** Of the last request. */
  #fields: FieldBlock | undefined;
  /** A request whose body is not all here. */
  #partial: { readonly head: FastHead; readonly pieces: Buffer[]; size: number } | undefined;
  /** What came while a request was being answered, or is to be handed over. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #fallingBack = false;
  /** The last answer is out, or half of the connection closed: what still comes is nobody's. */
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

  /** A body is on its way. */
  get awaitingBody(): boolean {
    return this.#partial !== undefined;
  }

  /** node:http is about to take over. */
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

  /** Sends an interim response, if a response is due and has not begun. */
  sendInterim(): boolean {
    if (this.#response === undefined || this.#response.headersSent) return false;
    this.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    return true;
  }

  /** Takes no request any more. */
  ignoreInput(): void {
    this.#ignoring = true;
  }

  /** Has node:http wait for the rest of what has begun. */
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
    // More than one request at once.
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
    // Not from within a read, after which the stream has itself read on, whatever node:http may have told it meanwhile.
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
    // It may still wait for its answer, and for those to what it has sent ahead.
    if (this.#response !== undefined) {
      if (this.#pendingBytes === 0) this.#closeAfterResponse = true;
      return;
    }
    this.#ignoring = true;
    this.socket.end();
  };

  readonly #onDrain = (): void => this.#response?.connectionDrained();

  /** A broken connection closes by itself; there is nobody to tell. */
  readonly #onError = (): void => undefined;

  readonly #onClose = (): void => {
    this.#host.closed(this);
    this.#response?.connectionClosed();
  };
}
