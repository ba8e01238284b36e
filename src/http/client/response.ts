import type { TokenwardError } from '../../errors.ts';
import type { DetachedConnection } from '../upgraded-pair.ts';
import type { ResponseHead } from './response-parser.ts';

/** Body bytes that are buffered before a consumer takes them. Bytes. */
const MAX_BUFFERED_BYTES = 64 * 1024;
/** A response that is discarded is read to its end up to this size, so that its connection can be used again. Bytes. */
const MAX_DRAINED_BYTES = 64 * 1024;

/** Consumes a response body. */
interface ResponseSink {
  /** False: pause until `response.resume()`. */
  write(chunk: Buffer): boolean;
  end(): void;
  /** The body broke off. What came so far must not look complete. */
  fail(): void;
}

/** Controls the connection on which a response arrives. */
export interface ResponseSource {
  pause(): void;
  resume(): void;
  cancel(): void;
}

/**
 * One exchange with an upstream, from the queue to the last byte of the response. The body is buffered, within bounds,
 * until `gather`, `pipe` or `discard` takes it.
 */
export class UpstreamResponse {
  status = 0;
  statusText = '';
  /** The request was passed to a connection, so the upstream may have seen it. */
  sent = false;
  /** When its header section came, and the end of its body. By performance.now(), ms; 0: not yet. */
  headAt = 0;
  endedAt = 0;
  /** Of the body, so far. */
  bodyBytes = 0;
  /** No byte of the response has arrived yet. */
  silent = true;
  /** Names and values in turn, as sent. */
  headers: string[] = [];
  /** Names and values in turn, once the body is complete; undefined: there were none. */
  trailers: string[] | undefined = undefined;
  /** With status 101: the connection, which has left HTTP/1.1. Whoever takes it, clears this. */
  switched: DetachedConnection | undefined = undefined;
  readonly #resolve: (response: UpstreamResponse) => void;
  readonly #reject: (error: TokenwardError) => void;
  #source: ResponseSource | undefined;
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  #paused = false;
  #state: 'waiting' | 'open' | 'ended' | 'failed' = 'waiting';
  #cancelled = false;
  #sink: ResponseSink | undefined;
  #gathering: { limit: number; enough: () => boolean; done: () => void } | undefined;

  constructor(resolve: (response: UpstreamResponse) => void, reject: (error: TokenwardError) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** The body is complete. */
  get ended(): boolean {
    return this.#state === 'ended';
  }

  /** The upstream did not send all of it. */
  get brokeOff(): boolean {
    return this.#state === 'failed' && !this.#cancelled;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** The body so far, unless a sink has taken it. */
  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  header(name: string): string | undefined {
    const { headers } = this;
    for (let i = 0; i < headers.length; i += 2)
      if (headers[i]!.length === name.length && headers[i]!.toLowerCase() === name) return headers[i + 1];
    return undefined;
  }

  /** The values of every field of this name, which is in lower case. */
  fields(name: string): string[] {
    return this.headers.filter((_, i) => i % 2 === 1 && this.headers[i - 1]!.toLowerCase() === name);
  }

  /**
   * Resolves when the body is complete, exceeds `limit` bytes or fails, or when `enough`, called for each piece,
   * returns true.
   */
  gather(limit: number, enough: () => boolean = () => false): Promise<void> {
    return new Promise((resolve) => {
      this.#gathering = { limit, enough, done: resolve };
      if (this.#bufferedBytes <= limit) this.resume();
      this.#checkGathering();
    });
  }

  /** Passes the body to a sink: first what is buffered, then what arrives. */
  pipe(sink: ResponseSink): void {
    this.#sink = sink;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bufferedBytes = 0;
    let room = true;
    for (const chunk of chunks) room = sink.write(chunk);
    if (this.#state === 'ended') sink.end();
    else if (this.#state === 'failed') sink.fail();
    else if (room) this.resume();
    else this.#pause();
  }

  /** The sink can take more. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // Once ended, its connection may serve another exchange.
    if (this.#state === 'open') this.#source?.resume();
  }

  /** Reads and drops the rest, so that the connection can be used again. A long rest is cancelled instead. */
  discard(): void {
    let left = MAX_DRAINED_BYTES;
    this.switched?.socket.destroy();
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

  /** Gives up the response and closes its connection. */
  cancel(): void {
    this.switched?.socket.destroy();
    if (this.#state === 'ended' || this.#state === 'failed' || this.#cancelled) return;
    this.#cancelled = true;
    this.#source?.cancel();
  }

  // ---- the connection's side

  /** Sets the connection on which this exchange runs; until then it can only be cancelled. */
  attach(source: ResponseSource): void {
    this.#source = source;
  }

  onHead(head: ResponseHead): void {
    this.status = head.status;
    this.statusText = head.reason;
    this.headers = head.headers;
    this.headAt = performance.now();
    this.#state = 'open';
    this.#resolve(this);
  }

  onDetached(head: ResponseHead, connection: DetachedConnection): void {
    this.switched = connection;
    this.onHead(head);
    this.onEnd();
  }

  onBody(chunk: Buffer): void {
    this.bodyBytes += chunk.length;
    if (this.#sink !== undefined) {
      if (!this.#sink.write(chunk)) this.#pause();
      return;
    }
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    this.#checkGathering();
    if (this.#bufferedBytes > Math.max(MAX_BUFFERED_BYTES, this.#gathering?.limit ?? 0)) this.#pause();
  }

  onEnd(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.endedAt = performance.now();
    this.#checkGathering();
    this.#sink?.end();
  }

  /** The exchange broke off: rejects before the header section, fails the sink after it. */
  onFailure(error: TokenwardError): void {
    const before = this.#state;
    if (before === 'ended' || before === 'failed') return;
    this.#state = 'failed';
    if (before === 'waiting') {
      this.#reject(error);
      return;
    }
    this.#checkGathering();
    this.#sink?.fail();
  }

  #pause(): void {
    if (this.#paused || this.#state !== 'open') return;
    this.#paused = true;
    this.#source?.pause();
  }

  #checkGathering(): void {
    const gathering = this.#gathering;
    if (
      gathering === undefined ||
      (this.#state === 'open' && this.#bufferedBytes <= gathering.limit && !gathering.enough())
    )
      return;
    this.#gathering = undefined;
    gathering.done();
  }
}
