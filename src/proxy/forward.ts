import type { Readable } from 'node:stream';
import { Pool } from 'undici';
import { TokenwardError } from '../errors.ts';
import type { RequestBody } from './body.ts';

/** As much of a reply as waits in memory for somebody to take it. Bytes. */
const REPLY_WINDOW = 64 * 1024;
/** An unwanted reply is read to its end up to here, so that its connection can be used again. Bytes. */
const DRAIN_MOST = 64 * 1024;

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const UNREACHABLE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ECONNABORTED', 'EHOSTDOWN', 'EACCES', 'EPERM']);

export interface UpstreamOptions {
  readonly maxConnections: number;
  /** Milliseconds; 0 = no limit. */
  readonly timeouts: { readonly connect: number; readonly firstByte: number; readonly idle: number };
}

/** A request ready to go out: everything in it has been checked and rebuilt by us. */
export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: RequestBody;
}

/** Where a reply's body goes. */
export interface ReplySink {
  /** False: stop until `reply.resume()`. */
  write(chunk: Buffer): boolean;
  end(): void;
  /** The upstream did not finish; what came so far must not look complete. */
  fail(): void;
}

/**
 * One upstream's connections. The HTTP engine stands behind this class and nowhere else: undici's Pool with raw header
 * lists, which forwards a small request at about half the CPU of `node:http`'s client.
 */
export class Upstream {
  readonly #pool: Pool;
  readonly #timeouts: UpstreamOptions['timeouts'];

  constructor(origin: string, options: UpstreamOptions) {
    this.#timeouts = options.timeouts;
    this.#pool = new Pool(origin, {
      connections: options.maxConnections,
      pipelining: 1,
      connect: { timeout: options.timeouts.connect },
      headersTimeout: options.timeouts.firstByte,
      bodyTimeout: options.timeouts.idle,
      // Shorter than any server's own idle limit, so that it is we who close: a POST sent into a closing connection is lost. A server's `Keep-Alive: timeout` counts, less one second.
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 600_000,
      keepAliveTimeoutThreshold: 1_000,
      maxHeaderSize: 64 * 1024,
      allowH2: false,
    });
  }

  /**
   * Sends a request; resolves with the reply's head, its body still arriving. Rejects with a TokenwardError.
   * A safe method is sent once more if the connection breaks before a single byte of the reply: an idle connection that
   * the upstream was about to close looks just so. Any other method is not: it may have taken effect.
   */
  async send(request: UpstreamRequest, onStart: (exchange: UpstreamReply) => void): Promise<UpstreamReply> {
    const { body, headers } = request;
    if (body.kind !== 'none' && body.length !== undefined) headers.push('content-length', String(body.length));
    try {
      return await this.#dispatch(request, onStart);
    } catch (error) {
      const again = error instanceof TokenwardError && error.code === 'upstream_broken' && SAFE_METHODS.has(request.method) && request.body.kind !== 'streamed';
      if (!again) throw error;
      return this.#dispatch(request, onStart);
    }
  }

  #dispatch(request: UpstreamRequest, onStart: (exchange: UpstreamReply) => void): Promise<UpstreamReply> {
    return new Promise((resolve, reject) => {
      const exchange = new UpstreamReply(resolve, reject, request.method);
      onStart(exchange);
      const { body, headers } = request;
      this.#pool.dispatch({ method: request.method as 'GET', path: request.target, headers, body: bytesOf(body) }, exchange);
    });
  }

  /** Ends idle connections and waits for the others. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  get timeouts(): UpstreamOptions['timeouts'] {
    return this.#timeouts;
  }
}

function bytesOf(body: RequestBody): Buffer | Readable | null {
  if (body.kind === 'none') return null;
  if (body.kind === 'streamed') return body.open();
  if (body.chunks.length === 1) return body.chunks[0]!;
  // undici's types leave out what its documents and code allow: any iterable of chunks. Typed here and nowhere else.
  return body.length === 0 ? null : (iterable(body.chunks) as unknown as Readable);
}

/** Not the array itself: undici would take it for an object of another kind. */
function iterable(chunks: readonly Buffer[]): AsyncIterable<Buffer> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* chunks;
    },
  };
}

/**
 * One exchange with an upstream, from its dispatch to the last byte of its reply. It is undici's handler itself, so
 * that a small reply costs one object. Its body is held back until somebody takes it by `gather`, `pipe` or `discard`.
 */
export class UpstreamReply {
  status = 0;
  statusText = '';
  /** Names and values in turn, as they were sent. */
  headers: string[] = [];
  readonly #resolve: (reply: UpstreamReply) => void;
  readonly #reject: (error: TokenwardError) => void;
  readonly #method: string;
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #chunks: Buffer[] = [];
  #held = 0;
  #paused = false;
  #state: 'waiting' | 'open' | 'ended' | 'failed' = 'waiting';
  #cancelled = false;
  #sink: ReplySink | undefined;
  #gathering: { limit: number; done: () => void } | undefined;

  constructor(resolve: (reply: UpstreamReply) => void, reject: (error: TokenwardError) => void, method: string) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#method = method;
  }

  /** All of the body is here. */
  get ended(): boolean {
    return this.#state === 'ended';
  }

  get failed(): boolean {
    return this.#state === 'failed';
  }

  /** The body so far, if nobody has taken it yet. */
  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  get heldBytes(): number {
    return this.#held;
  }

  header(name: string): string | undefined {
    const { headers } = this;
    for (let i = 0; i < headers.length; i += 2) if (headers[i]!.length === name.length && headers[i]!.toLowerCase() === name) return headers[i + 1];
    return undefined;
  }

  /** Resolves when the whole body is here, or more than `limit` bytes of it, or it failed. */
  gather(limit: number): Promise<void> {
    return new Promise((resolve) => {
      this.#gathering = { limit, done: resolve };
      this.#gathered();
    });
  }

  /** Hands the body to a sink: first what is here, then what comes. */
  pipe(sink: ReplySink): void {
    this.#sink = sink;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#held = 0;
    let room = true;
    for (const chunk of chunks) room = sink.write(chunk);
    if (this.#state === 'ended') sink.end();
    else if (this.#state === 'failed') sink.fail();
    else if (room) this.resume();
  }

  /** The sink has room again. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#resume?.();
  }

  /** Reads the rest and throws it away, so that the connection can serve again; a long rest is cut off instead. */
  discard(): void {
    let left = DRAIN_MOST;
    this.pipe({
      write: (chunk) => {
        left -= chunk.length;
        if (left < 0) this.cancel();
        return true;
      },
      end: () => undefined,
      fail: () => undefined,
    });
  }

  /** Nobody wants the reply any more: frees its connection at once. */
  cancel(): void {
    if (this.#state === 'ended' || this.#state === 'failed') return;
    this.#cancelled = true;
    this.#abort?.(new Error('cancelled'));
  }

  // ---- undici's side

  onConnect(abort: (error?: Error) => void): void {
    if (this.#cancelled) {
      abort(new Error('cancelled'));
      return;
    }
    this.#abort = abort;
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    // 103 and the like: the one that counts is still to come.
    if (status < 200) return true;
    this.status = status;
    // A reason phrase is decoration (RFC 9112 §4); one with odd bytes in it is not worth a failed reply.
    this.statusText = /^[\t\x20-\x7e]*$/.test(statusText) ? statusText : '';
    this.#resume = resume;
    for (const part of rawHeaders) this.headers.push(part.toString('latin1'));
    // These have no body whatever they announce. undici 7 fails a legal 304 with a Content-Length after this; by then it is complete for us.
    this.#state = status === 304 || status === 204 || this.#method === 'HEAD' ? 'ended' : 'open';
    this.#resolve(this);
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#sink !== undefined) {
      const room = this.#sink.write(chunk);
      this.#paused = !room;
      return room;
    }
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    this.#gathered();
    this.#paused = this.#held > REPLY_WINDOW;
    return !this.#paused;
  }

  onComplete(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.#gathered();
    this.#sink?.end();
  }

  onError(error: Error): void {
    if (this.#state === 'ended') return;
    const before = this.#state;
    this.#state = 'failed';
    if (before === 'waiting') {
      this.#reject(this.#cancelled ? new TokenwardError('upstream_broken', { detail: 'cancelled', cause: error }) : classify(error));
      return;
    }
    this.#gathered();
    this.#sink?.fail();
  }

  #gathered(): void {
    const gathering = this.#gathering;
    if (gathering === undefined || (this.#state === 'open' && this.#held <= gathering.limit)) return;
    this.#gathering = undefined;
    gathering.done();
  }
}

/** An engine's error in our words. */
function classify(error: Error): TokenwardError {
  if (error instanceof TokenwardError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT' || code === 'ETIMEDOUT') return new TokenwardError('upstream_timeout', { cause: error });
  if (UNREACHABLE.has(code)) return new TokenwardError('upstream_unreachable', { detail: code, cause: error });
  if (/CERT|SSL|TLS|UNABLE_TO|SELF_SIGNED|ALTNAME/.test(code)) return new TokenwardError('upstream_unreachable', { detail: `TLS: ${code}`, cause: error });
  return new TokenwardError('upstream_broken', { cause: error });
}
