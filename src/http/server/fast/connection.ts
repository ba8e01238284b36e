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
const MAX_AHEAD_BYTES = 16 * 1024;
/** And in so many pieces: one of a single byte takes as much memory as a hundred bytes. */
const MAX_PIECES = 64;

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
  #begun: { readonly head: FastHead; readonly pieces: Buffer[]; size: number } | undefined;
  /** What came while a request was being answered, or is to be handed over. */
  #ahead: Buffer[] = [];
  #aheadSize = 0;
  #fallingBack = false;
  /** The last answer is out, or half of the connection closed: what still comes is nobody's. */
  #done = false;
  #ended = false;
  #last = false;

  constructor(socket: Socket, path: ConnectionHost) {
    this.socket = socket;
    this.#host = path;
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
  get waiting(): boolean {
    return this.#begun !== undefined;
  }

  /** node:http is about to take over. */
  get fallingBack(): boolean {
    return this.#fallingBack;
  }

  connectionFields(): string {
    if (this.#host.draining) this.#last = true;
    return this.#last ? 'Connection: close\r\n' : this.#host.keepAliveFields;
  }

  closeAfter(): void {
    this.#last = true;
  }

  responded(): void {
    this.#response = undefined;
    this.idleTicks = 0;
    if (this.#last) {
      this.#done = true;
      this.socket.destroySoon();
      return;
    }
    if (this.#aheadSize > 0) this.#fallBack(this.#ahead);
  }

  /** Sends an interim response, if a response is due and has not begun. */
  sendInterim(): boolean {
    if (this.#response === undefined || this.#response.headersSent) return false;
    this.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    return true;
  }

  /** Takes no request any more. */
  refuse(): void {
    this.#done = true;
  }

  /** Has node:http wait for the rest of what has begun. */
  abandon(): void {
    this.#fallBack(this.#begun?.pieces ?? []);
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#done) return;
    if (this.#response !== undefined || this.#fallingBack) {
      this.#ahead.push(bytes);
      this.#aheadSize += bytes.length;
      if ((this.#aheadSize > MAX_AHEAD_BYTES || this.#ahead.length > MAX_PIECES) && !this.#fallingBack)
        this.socket.pause();
      return;
    }
    const begun = this.#begun;
    if (begun !== undefined) {
      begun.pieces.push(bytes);
      begun.size += bytes.length;
      if (begun.size < begun.head.bodyAt + begun.head.fields.bodyLength) {
        if (begun.pieces.length > MAX_PIECES) this.#fallBack(begun.pieces);
        return;
      }
      this.#begun = undefined;
      this.#take(begun.head, Buffer.concat(begun.pieces));
      return;
    }
    const head = readFastHead(bytes, this.#host.maxHeadBytes, this.#fields);
    if (head === undefined) this.#fallBack([bytes]);
    else if (bytes.length >= head.bodyAt + head.fields.bodyLength) this.#take(head, bytes);
    else if (head.fields.bodyLength <= MAX_AWAITED_BODY_BYTES) this.#begin(head, bytes);
    else this.#fallBack([bytes]);
  };

  #begin(head: FastHead, bytes: Buffer): void {
    this.idleTicks = 0;
    this.#begun = { head, pieces: [bytes], size: bytes.length };
  }

  #take(head: FastHead, bytes: Buffer): void {
    const end = head.bodyAt + head.fields.bodyLength;
    // More than one request at once.
    if (bytes.length > end) {
      this.#fallBack([bytes]);
      return;
    }
    this.used = true;
    this.#fields = head.fields.keepable ? head.fields : undefined;
    this.#last = head.fields.last;
    this.#response = new FastResponse(this, head.method === 'HEAD');
    this.#host.handler(
      new FastRequest(head, head.fields.bodyLength === 0 ? undefined : bytes.subarray(head.bodyAt), this.socket),
      this.#response,
    );
  }

  #fallBack(pieces: Buffer[]): void {
    this.#fallingBack = true;
    this.#begun = undefined;
    this.#ahead = pieces;
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
      this.#host.fallBack(this, this.#ahead.length === 1 ? this.#ahead[0]! : Buffer.concat(this.#ahead), this.#ended);
    });
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (this.#fallingBack) return;
    // It may still wait for its answer, and for those to what it has sent ahead.
    if (this.#response !== undefined) {
      if (this.#aheadSize === 0) this.#last = true;
      return;
    }
    this.#done = true;
    this.socket.end();
  };

  readonly #onDrain = (): void => this.#response?.drained();

  /** A broken connection closes by itself; there is nobody to tell. */
  readonly #onError = (): void => undefined;

  readonly #onClose = (): void => {
    this.#host.closed(this);
    this.#response?.cut();
  };
}
