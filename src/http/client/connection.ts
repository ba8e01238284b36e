import type { Socket } from 'node:net';
import { TokenwardError } from '../../errors.ts';
import type { ExpectedBody, RequestBody, Upload } from '../message.ts';
import type { UpstreamRequest } from './request.ts';
import type { ResponseSource, UpstreamResponse } from './response.ts';
import { releaseAfterWrite } from '../free-buffer.ts';
import { SilenceTimer } from './silence-timer.ts';
import { waitForDrain } from './socket.ts';
import { disagreementOf } from './handshake.ts';
import { ResponseError, ResponseParser, type ResponseHead } from './response-parser.ts';

/** ms; 0: no limit. */
export interface ConnectionTimeouts {
  readonly firstByte: number;
  readonly idle: number;
  /** Replaces `idle` for an event stream, which may be silent for long. Default: `idle`. */
  readonly streamIdle?: number;
}

/** We close an idle connection before the server does, as far as its limit is known. ms. */
const DEFAULT_IDLE_MS = 4_000;
const MAX_IDLE_MS = 600_000;
/**
 * Bodies up to this size are written together with the header section, as one string, which Node passes to the system
 * through its stack. Bytes.
 */
const MAX_JOINED_BYTES = 12 * 1024;
/**
 * How long the upstream may take to say whether it wants a body. Many never send 100 Continue, and the client does not
 * wait for ever either (RFC 9110 §10.1.1): curl does for 1 s. ms.
 */
const MAX_CONTINUE_MS = 1_000;

/** WHATWG HTML §9.2: the one type whose responses are silent by design while there is no event. */
const EVENT_STREAM = /^\s*text\/event-stream\s*(;|$)/i;

/** Not allowed in a target or a field: it would end the line, or lose its upper bits when sent as Latin-1. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

/** Receives the events of a connection. */
export interface ConnectionOwner {
  /** The exchange has ended, and the connection can be used again. */
  onIdle(connection: Connection): void;
  onClose(connection: Connection): void;
}

/**
 * One connection to an upstream. It carries one exchange at a time, parses each response strictly, and is not used
 * again after an exchange that broke off.
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
  /** The request's own fields of the connection. */
  readonly #connectionFields: string;
  readonly #protocol: string | undefined;
  #request: UpstreamRequest | undefined;
  #onEarlyHints: UpstreamRequest['onEarlyHints'];
  #detached = false;
  #response: UpstreamResponse | undefined;
  #upload: Upload | undefined;
  #uploading = false;
  /** A body for which the upstream has not asked yet, and the limit on that. */
  #expected: { readonly body: ExpectedBody; readonly timer: NodeJS.Timeout } | undefined;
  /** A request body was not sent completely: the upstream would take the next request for the rest of it. */
  #uploadCutShort = false;
  #responseStarted = false;
  #paused = false;
  #closed = false;
  #sentAt = 0;
  /** Silence limit of the current response, computed on first use; 0: no limit. ms. */
  #responseIdleMs: number | undefined;
  readonly #silenceTimer: SilenceTimer;

  /**
   * `keepAlive`: the connection may be used again after its first exchange. `protocol`: its one request asks for this
   * protocol instead of HTTP/1.1.
   */
  constructor(
    socket: Socket,
    owner: ConnectionOwner,
    timeouts: ConnectionTimeouts,
    keepAlive = true,
    protocol?: string,
  ) {
    this.#keepAlive = keepAlive;
    this.#protocol = protocol;
    this.#connectionFields =
      protocol === undefined
        ? `connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n`
        : `connection: upgrade\r\nupgrade: ${protocol}\r\n`;
    this.#socket = socket;
    this.#owner = owner;
    this.#timeouts = timeouts;
    this.#parser = new ResponseParser({
      onHead: (head) => {
        this.#responseStarted = true;
        // An error or redirect that comes during the upload: the rest of the body is not sent. (A 2xx may come early
        // too, from an upstream that responds while it reads.)
        if (this.#uploading && head.status >= 300) this.#stopUpload();
        this.#response?.onHead(head);
      },
      onContinue: () => this.#openExpected(),
      onEarlyHints: (headers) => this.#onEarlyHints?.(headers),
      onTrailers: (fields) => {
        if (this.#response !== undefined) this.#response.trailers = fields;
      },
      onBody: (piece) => this.#response?.onBody(piece),
      onEnd: () => this.#response?.onEnd(),
      ...(protocol !== undefined && {
        onSwitch: (head: ResponseHead, rest: Buffer) => this.#detach(protocol, head, rest),
      }),
    });
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    // `tunnel` in dial.ts leaves the socket paused.
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

  /** Sends a request and reads its response into `response`. */
  start(request: UpstreamRequest, response: UpstreamResponse): void {
    this.#response = response;
    // The last check. Requests and configuration have been validated before.
    if (UNSENDABLE.test(request.target) || request.headers.some((text) => UNSENDABLE.test(text))) {
      this.#fail(
        new TokenwardError('internal', { detail: 'a header field or the target holds characters that cannot be sent' }),
      );
      return;
    }
    response.sent = true;
    if (this.#protocol !== undefined) this.#request = request;
    this.#onEarlyHints = request.onEarlyHints;
    this.#responseStarted = false;
    this.#responseIdleMs = undefined;
    this.#paused = false;
    this.#sentAt = this.#silenceTimer.quietSince = performance.now();
    response.attach(this.#source);
    this.#parser.expect(request.method);
    this.#silenceTimer.limitMs = this.#timeouts.firstByte;
    this.#send(request);
  }

  /** Marks the connection as idle. It is closed when the idle limit passes, or when the server sends anything. */
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

  #send({ method, target, headers, body, takesTrailers }: UpstreamRequest): void {
    const socket = this.#socket;
    let head = `${method} ${target} HTTP/1.1\r\n`;
    // RFC 9110 §10.1.4: TE concerns this connection only, and is named in Connection.
    if (takesTrailers === true && this.#protocol === undefined)
      head += `connection: ${this.#keepAlive ? 'keep-alive' : 'close'}, te\r\nte: trailers\r\n`;
    else head += this.#connectionFields;
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]!}: ${headers[i + 1]!}\r\n`;
    if (body.kind === 'none') {
      // RFC 9110 §8.6: a method that usually has content sends Content-Length: 0 if there is none.
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
    head += body.length === undefined ? 'transfer-encoding: chunked\r\n' : `content-length: ${body.length}\r\n`;
    this.#uploading = true;
    if (body.kind === 'expected' && !body.asked) {
      socket.write(`${head}expect: 100-continue\r\n\r\n`, 'latin1');
      this.#expected = { body, timer: setTimeout(() => this.#openExpected(), MAX_CONTINUE_MS) };
      return;
    }
    socket.write(`${head}\r\n`, 'latin1');
    this.#startUpload(body);
  }

  /** The upstream wants the body, or has not said so for long enough. */
  #openExpected(): void {
    if (this.#expected === undefined) return;
    const { body, timer } = this.#expected;
    clearTimeout(timer);
    this.#expected = undefined;
    this.#startUpload(body);
  }

  #startUpload(body: Extract<RequestBody, { open(): Upload }>): void {
    this.#upload = body.open();
    this.#pump(this.#upload, body.length === undefined, this.#response!).catch(() => undefined);
  }

  /** Sends a streamed body, as fast as both ends allow. */
  async #pump(upload: Upload, chunked: boolean, response: UpstreamResponse): Promise<void> {
    const socket = this.#socket;
    try {
      for (let chunk = await upload.next(); chunk !== undefined; chunk = await upload.next()) {
        // Responses are read in the event loop's poll phase: an early refusal is seen before the next write can fail on
        // a closed connection.
        await new Promise(setImmediate);
        if (this.#response !== response || !this.#uploading || socket.destroyed) return;
        if (chunked) socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
        let room = socket.write(chunk, upload.kept ? undefined : releaseAfterWrite(chunk));
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
      // The client's side of the upload failed: the upstream must not take the part it has for the whole body.
      if (this.#response === response && !response.ended)
        this.#fail(error instanceof TokenwardError ? error : brokenError(error));
    }
  }

  #onData(bytes: Buffer): void {
    if (this.#response === undefined) {
      // RFC 9112 §9.2: bytes without a request. They must not be taken for the response to the next one.
      this.destroy();
      return;
    }
    this.#response.silent = false;
    try {
      this.#parser.feed(bytes);
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error;
      // If the response was already complete, only the connection is lost.
      this.#fail(new TokenwardError('upstream_broken', { detail: error.message, cause: error }));
      return;
    }
    // Each byte resets the socket's timer, so a header section that arrives byte by byte needs a limit of its own.
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
    // A consumer of the response may have cancelled it meanwhile.
    if (response === undefined) return;
    if (response.ended) this.#finishIfDone();
    else if (this.#responseStarted) this.#silenceTimer.limitMs = this.#idleLimitOf(response);
  }

  /** Computed only for a response that does not arrive in one read. */
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
    // The client is not reading. The upstream is not at fault.
    if (this.#paused) return;
    // The client is not sending its body. That has a limit of its own: see StallWatchdog.
    if (this.#uploading && !this.#responseStarted && !this.#socket.writableNeedDrain) return;
    this.#fail(new TokenwardError(this.#responseStarted ? 'upstream_broken' : 'upstream_timeout'));
  }

  /** Gives the connection away. Throws a ResponseError if the server has not agreed to what it was asked for. */
  #detach(protocol: string, head: ResponseHead, rest: Buffer): void {
    const disagreement = disagreementOf(protocol, this.#request!.headers, head.headers);
    if (disagreement !== undefined) throw new ResponseError(disagreement);
    const socket = this.#socket;
    const response = this.#response;
    this.#detached = true;
    this.#response = undefined;
    socket.pause().setTimeout(0).removeAllListeners('data').removeAllListeners('timeout');
    this.#close();
    response?.onDetached(head, { socket, early: rest.length === 0 ? [] : [rest], ended: socket.readableEnded });
  }

  #fail(error: TokenwardError): void {
    if (this.#detached) return;
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
    clearTimeout(this.#expected?.timer);
    this.#expected = undefined;
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
    // A paused socket receives nothing, so the pause does not count as silence.
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
