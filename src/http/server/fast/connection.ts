import type { Socket } from 'node:net';
import type { RequestHandler } from '../exchange.ts';
import { PlainAnswer, type AnswerLine } from './response.ts';
import { PlainRequest, readPlainHead, type FieldBlock, type PlainHead } from './request.ts';

/**
 * The rest of a body is waited for if all of it is this short: nobody has asked yet whether its caller may send any.
 * Bytes.
 */
const BODY_MOST = 16 * 1024;
/**
 * What a caller may send ahead while he is being answered, before he is not read any more; that he leaves is not seen
 * then until the upstream has spoken. Bytes.
 */
const AHEAD_MOST = 16 * 1024;
/** And in so many pieces: one of a single byte takes as much memory as a hundred bytes. */
const PIECES_MOST = 64;

/** What a connection has to know of the fast path it is on. */
export interface FastPath {
  readonly handler: RequestHandler;
  /** Bytes. */
  readonly headMost: number;
  /** `Connection` and `Keep-Alive` of a connection that stays. */
  readonly stayFields: string;
  /** Every answer is its connection's last. */
  readonly sendingAway: boolean;
  /** From here on node:http reads this connection: `bytes` first and, if it has `ended`, its end. */
  handOver(connection: PlainConnection, bytes: Buffer, ended: boolean): void;
  closed(connection: PlainConnection): void;
}

/**
 * A caller's connection, as long as only plain requests come on it, one at a time. With the first bytes that are
 * anything else it goes over to node:http, and stays there.
 */
export class PlainConnection implements AnswerLine {
  readonly socket: Socket;
  /** How often it was found standing still. */
  looks = 0;
  /** It has been asked something. */
  used = false;
  readonly #path: FastPath;
  #answer: PlainAnswer | undefined;
  /** Of the last request. */
  #fields: FieldBlock | undefined;
  /** A request whose body is not all here. */
  #begun: { readonly head: PlainHead; readonly pieces: Buffer[]; size: number } | undefined;
  /** What came while a request was being answered, or is to be handed over. */
  #ahead: Buffer[] = [];
  #aheadSize = 0;
  #leaving = false;
  /** The last answer is out, or half of the connection closed: what still comes is nobody's. */
  #done = false;
  #ended = false;
  #last = false;

  constructor(socket: Socket, path: FastPath) {
    this.socket = socket;
    this.#path = path;
    socket
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('drain', this.#onDrain)
      .on('error', this.#onError)
      .on('close', this.#onClose);
  }

  get answering(): boolean {
    return this.#answer !== undefined;
  }

  /** A body is on its way. */
  get waiting(): boolean {
    return this.#begun !== undefined;
  }

  /** node:http is about to take over. */
  get leaving(): boolean {
    return this.#leaving;
  }

  connectionFields(): string {
    if (this.#path.sendingAway) this.#last = true;
    return this.#last ? 'Connection: close\r\n' : this.#path.stayFields;
  }

  makeLast(): void {
    this.#last = true;
  }

  answered(): void {
    this.#answer = undefined;
    this.looks = 0;
    if (this.#last) {
      this.#done = true;
      this.socket.destroySoon();
      return;
    }
    if (this.#aheadSize > 0) this.#handOver(this.#ahead);
  }

  /** Sends an interim response, if a response is due and has not begun. */
  sendInterim(): boolean {
    if (this.#answer === undefined || this.#answer.headersSent) return false;
    this.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    return true;
  }

  /** Takes no request any more. */
  refuse(): void {
    this.#done = true;
  }

  /** Has node:http wait for the rest of what has begun. */
  giveUp(): void {
    this.#handOver(this.#begun?.pieces ?? []);
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#done) return;
    if (this.#answer !== undefined || this.#leaving) {
      this.#ahead.push(bytes);
      this.#aheadSize += bytes.length;
      if ((this.#aheadSize > AHEAD_MOST || this.#ahead.length > PIECES_MOST) && !this.#leaving) this.socket.pause();
      return;
    }
    const begun = this.#begun;
    if (begun !== undefined) {
      begun.pieces.push(bytes);
      begun.size += bytes.length;
      if (begun.size < begun.head.bodyAt + begun.head.fields.bodyLength) {
        if (begun.pieces.length > PIECES_MOST) this.#handOver(begun.pieces);
        return;
      }
      this.#begun = undefined;
      this.#take(begun.head, Buffer.concat(begun.pieces));
      return;
    }
    const head = readPlainHead(bytes, this.#path.headMost, this.#fields);
    if (head === undefined) this.#handOver([bytes]);
    else if (bytes.length >= head.bodyAt + head.fields.bodyLength) this.#take(head, bytes);
    else if (head.fields.bodyLength <= BODY_MOST) this.#begin(head, bytes);
    else this.#handOver([bytes]);
  };

  #begin(head: PlainHead, bytes: Buffer): void {
    this.looks = 0;
    this.#begun = { head, pieces: [bytes], size: bytes.length };
  }

  #take(head: PlainHead, bytes: Buffer): void {
    const end = head.bodyAt + head.fields.bodyLength;
    // More than one request at once.
    if (bytes.length > end) {
      this.#handOver([bytes]);
      return;
    }
    this.used = true;
    this.#fields = head.fields.keepable ? head.fields : undefined;
    this.#last = head.fields.last;
    this.#answer = new PlainAnswer(this, head.method === 'HEAD');
    this.#path.handler(
      new PlainRequest(head, head.fields.bodyLength === 0 ? undefined : bytes.subarray(head.bodyAt), this.socket),
      this.#answer,
    );
  }

  #handOver(pieces: Buffer[]): void {
    this.#leaving = true;
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
      this.#path.handOver(this, this.#ahead.length === 1 ? this.#ahead[0]! : Buffer.concat(this.#ahead), this.#ended);
    });
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (this.#leaving) return;
    // It may still wait for its answer, and for those to what it has sent ahead.
    if (this.#answer !== undefined) {
      if (this.#aheadSize === 0) this.#last = true;
      return;
    }
    this.#done = true;
    this.socket.end();
  };

  readonly #onDrain = (): void => this.#answer?.drained();

  /** A broken connection closes by itself; there is nobody to tell. */
  readonly #onError = (): void => undefined;

  readonly #onClose = (): void => {
    this.#path.closed(this);
    this.#answer?.cut();
  };
}
