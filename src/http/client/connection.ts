import type { Socket } from 'node:net';
import { TokenwardError } from '../../errors.ts';
import type { Upload } from '../message.ts';
import type { UpstreamRequest } from './request.ts';
import type { ResponseSource, UpstreamResponse } from './response.ts';
import { releaseAfterWrite } from '../free-buffer.ts';
import { SilenceTimer } from './silence-timer.ts';
import { waitForDrain } from './socket.ts';
import { ResponseError, ResponseParser } from './response-parser.ts';

/** Milliseconds; 0 = no limit. */
export interface ConnectionTimeouts {
  readonly firstByte: number;
  readonly idle: number;
  /** In place of `idle` for an event stream, which may have nothing to say for long; as `idle` if not given. */
  readonly streamIdle?: number;
}

/** Idle connections are closed by us before the server does it, as far as we know its limit. ms. */
const DEFAULT_IDLE_MS = 4_000;
const MAX_IDLE_MS = 600_000;
/**
 * Bodies up to this size leave in one write with their head, as one string: Node copies a short one to the system by
 * way of its stack. Bytes.
 */
const MAX_JOINED_BYTES = 12 * 1024;

/** WHATWG HTML §9.2: the one type whose replies are silent by design, for as long as nothing happens. */
const EVENT_STREAM = /^\s*text\/event-stream\s*(;|$)/i;

/** What a target or a field may not hold: it would end the line, or lose its upper bits on the way out. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

/** Whom a connection tells what became of it. */
export interface ConnectionOwner {
  /** The exchange is over and another one may follow. */
  onIdle(connection: Connection): void;
  onClose(connection: Connection): void;
}

/**
 * One connection to an upstream: one exchange at a time, each read strictly, none left half-way on a connection that
 * goes on.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #timeouts: ConnectionTimeouts;
  readonly #parser: ResponseParser;
  readonly #source: ResponseSource = {
    pause: () => this.#pause(),
    resume: () => this.#resume(),
    cancel: () => this.#cancel(),
  };
  readonly #keepAlive: boolean;
  #response: UpstreamResponse | undefined;
  #upload: Upload | undefined;
  #uploading = false;
  /** A body was not sent to its end: what follows on this connection would be taken for the rest of it. */
  #uploadCutShort = false;
  #responseStarted = false;
  #paused = false;
  #closed = false;
  #sentAt = 0;
  /** How long the reply under way may be silent, once somebody has asked; 0: for ever. ms. */
  #responseIdleMs: number | undefined;
  readonly #silenceTimer: SilenceTimer;

  /** `keep`: may serve again after its first exchange. */
  constructor(socket: Socket, owner: ConnectionOwner, timeouts: ConnectionTimeouts, keepAlive = true) {
    this.#keepAlive = keepAlive;
    this.#socket = socket;
    this.#owner = owner;
    this.#timeouts = timeouts;
    this.#parser = new ResponseParser({
      onHead: (head) => {
        this.#responseStarted = true;
        // A refusal while the body still goes up: what is left of it is not wanted. (A good answer may come early too,
        // from one who answers as it reads.)
        if (this.#uploading && head.status >= 300) this.#stopUpload();
        this.#response?.onHead(head);
      },
      onBody: (piece) => this.#response?.onBody(piece),
      onEnd: () => this.#response?.onEnd(),
    });
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    // One that came through a proxy's tunnel was paused while it was handed over.
    socket.resume();
    socket.on('end', () => this.#onSocketEnd());
    const { firstByte, idle, streamIdle = 0 } = timeouts;
    const limits = [firstByte, idle, streamIdle, DEFAULT_IDLE_MS];
    this.#silenceTimer = new SilenceTimer(socket, limits, () => this.#onSilence());
    socket.on('error', (error) => this.#fail(brokenError(error)));
    socket.on('close', () => {
      this.#fail(brokenError());
      this.#close();
    });
  }

  get usable(): boolean {
    return !this.#closed && !this.#socket.destroyed && this.#socket.writable;
  }

  /** Sends a request and reads its reply into the exchange. */
  start(request: UpstreamRequest, response: UpstreamResponse): void {
    this.#response = response;
    // Whatever its origin. Callers and configuration have been checked before: this is the last look.
    if (UNSENDABLE.test(request.target) || request.headers.some((text) => UNSENDABLE.test(text))) {
      this.#fail(
        new TokenwardError('internal', { detail: 'a header field or the target holds characters that cannot be sent' }),
      );
      return;
    }
    response.sent = true;
    this.#responseStarted = false;
    this.#responseIdleMs = undefined;
    this.#paused = false;
    this.#sentAt = this.#silenceTimer.quietSince = performance.now();
    response.attach(this.#source);
    this.#parser.expect(request.method);
    this.#silenceTimer.limitMs = this.#timeouts.firstByte;
    this.#send(request);
  }

  /** Nothing to do for now: closed if that lasts too long, or if the server says anything. */
  park(): void {
    const hint = this.#parser.idleHint;
    const limit = hint === undefined || Number.isNaN(hint) ? DEFAULT_IDLE_MS : Math.min(MAX_IDLE_MS, (hint - 1) * 1000);
    if (limit <= 0) this.destroy();
    else this.#silenceTimer.limitMs = limit;
  }

  destroy(): void {
    this.#socket.destroy();
    this.#close();
  }

  #send({ method, target, headers, body }: UpstreamRequest): void {
    const socket = this.#socket;
    let head = `${method} ${target} HTTP/1.1\r\nconnection: ${this.#keepAlive ? 'keep-alive' : 'close'}\r\n`;
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]!}: ${headers[i + 1]!}\r\n`;
    if (body.kind === 'none') {
      // RFC 9110 §8.6: a method that usually has a body says that there is none.
      if (method === 'POST' || method === 'PUT' || method === 'PATCH') head += 'content-length: 0\r\n';
      socket.write(`${head}\r\n`, 'latin1');
      return;
    }
    if (body.kind === 'buffered') {
      head += `content-length: ${body.length}\r\n\r\n`;
      if (body.length <= MAX_JOINED_BYTES) {
        for (const chunk of body.chunks) head += chunk.toString('latin1');
        socket.write(head, 'latin1');
        return;
      }
      socket.cork();
      socket.write(head, 'latin1');
      for (const chunk of body.chunks) socket.write(chunk);
      socket.uncork();
      return;
    }
    const chunked = body.length === undefined;
    socket.write(
      `${head}${chunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`}\r\n\r\n`,
      'latin1',
    );
    this.#uploading = true;
    this.#upload = body.open();
    this.#pump(this.#upload, chunked, this.#response!).catch(() => undefined);
  }

  /** A body too large to keep, as fast as both ends allow. */
  async #pump(upload: Upload, chunked: boolean, response: UpstreamResponse): Promise<void> {
    const socket = this.#socket;
    try {
      for (let chunk = await upload.next(); chunk !== undefined; chunk = await upload.next()) {
        // Replies are read in the event loop's poll phase: one that says "enough" is seen before the next write can
        // fail on a closed connection.
        await new Promise(setImmediate);
        if (this.#response !== response || !this.#uploading || socket.destroyed) return;
        if (chunked) socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
        let room = socket.write(chunk, releaseAfterWrite(chunk));
        if (chunked) room = socket.write('\r\n', 'latin1');
        if (!room) await waitForDrain(socket);
      }
      if (this.#response !== response || !this.#uploading) return;
      if (chunked) socket.write('0\r\n\r\n', 'latin1');
      this.#uploading = false;
      this.#upload = undefined;
      this.#sentAt = this.#silenceTimer.quietSince = performance.now();
      this.#silenceTimer.limitMs = this.#responseStarted ? this.#idleLimitOf(response) : this.#timeouts.firstByte;
      this.#finishIfDone();
    } catch (error) {
      // The caller's side of the upload failed: the upstream must not take what it has for the whole.
      if (this.#response === response && !response.ended)
        this.#fail(error instanceof TokenwardError ? error : brokenError(error));
    }
  }

  #onData(bytes: Buffer): void {
    if (this.#response === undefined) {
      // RFC 9112 §9.2: bytes that answer nothing. They must not answer the next request.
      this.destroy();
      return;
    }
    this.#response.silent = false;
    try {
      this.#parser.feed(bytes);
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error;
      // What came before the mistake may have been a whole reply; then only the connection is spoilt.
      this.#fail(new TokenwardError('upstream_broken', { detail: error.message, cause: error }));
      return;
    }
    // Each byte resets the socket's timer; a head that comes in drops must not live on that.
    if (
      this.#parser.inHead &&
      this.#timeouts.firstByte > 0 &&
      performance.now() - this.#sentAt > 2 * this.#timeouts.firstByte &&
      !this.#uploading
    ) {
      this.#fail(new TokenwardError('upstream_timeout'));
      return;
    }
    const response = this.#response as UpstreamResponse | undefined;
    // Whoever took the reply may have cancelled it meanwhile.
    if (response === undefined) return;
    if (response.ended) this.#finishIfDone();
    else if (this.#responseStarted) this.#silenceTimer.limitMs = this.#idleLimitOf(response);
  }

  /** Looked up only for a reply that does not come all at once. */
  #idleLimitOf(response: UpstreamResponse): number {
    const { idle, streamIdle = idle } = this.#timeouts;
    return (this.#responseIdleMs ??= EVENT_STREAM.test(response.header('content-type') ?? '') ? streamIdle : idle);
  }

  #finishIfDone(): void {
    const response = this.#response;
    if (response === undefined || !response.ended) return;
    if (!this.#keepAlive || this.#uploading || this.#uploadCutShort || !this.#parser.reusable || !this.usable) {
      this.#response = undefined;
      this.#stopUpload();
      this.destroy();
      return;
    }
    this.#response = undefined;
    if (this.#paused) this.#resume();
    this.#owner.onIdle(this);
  }

  #onSocketEnd(): void {
    if (this.#response !== undefined && this.#parser.closed()) {
      this.#finishIfDone();
      return;
    }
    this.#fail(brokenError());
  }

  #onSilence(): void {
    const response = this.#response;
    if (response === undefined) {
      this.destroy();
      return;
    }
    // It is the caller who does not read, not the upstream that does not write.
    if (this.#paused) return;
    // Nor is it the upstream's fault that nothing of the body comes up; whoever reads the body from the caller loses
    // patience by himself.
    if (this.#uploading && !this.#responseStarted && !this.#socket.writableNeedDrain) return;
    this.#fail(new TokenwardError(this.#responseStarted ? 'upstream_broken' : 'upstream_timeout'));
  }

  #fail(error: TokenwardError): void {
    const response = this.#response;
    this.#response = undefined;
    this.#stopUpload();
    this.destroy();
    response?.onFailure(error);
  }

  #cancel(): void {
    this.#fail(new TokenwardError('upstream_broken', { detail: 'cancelled' }));
  }

  #stopUpload(): void {
    if (this.#uploading) this.#uploadCutShort = true;
    this.#uploading = false;
    const upload = this.#upload;
    this.#upload = undefined;
    upload?.stop();
  }

  #pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#response !== undefined) this.#silenceTimer.limitMs = this.#idleLimitOf(this.#response);
    // It could say nothing while nobody listened.
    this.#silenceTimer.quietSince = performance.now();
    this.#socket.resume();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.onClose(this);
  }
}

function brokenError(cause?: unknown): TokenwardError {
  return new TokenwardError('upstream_broken', cause === undefined ? {} : { cause });
}
