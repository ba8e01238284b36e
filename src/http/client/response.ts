import type { TokenwardError } from '../../errors.ts';
import type { ResponseHead } from './response-parser.ts';

/** As much of a reply as waits in memory for somebody to take it. Bytes. */
const MAX_BUFFERED_BYTES = 64 * 1024;
/** An unwanted reply is read to its end up to here, so that its connection can be used again. Bytes. */
const MAX_DRAINED_BYTES = 64 * 1024;

/** Where a reply's body goes. */
interface ResponseSink {
  /** False: stop until `reply.resume()`. */
  write(chunk: Buffer): boolean;
  end(): void;
  /** The upstream did not finish; what came so far must not look complete. */
  fail(): void;
}

/** What a reply can ask of the connection it arrives on. */
export interface ResponseSource {
  pause(): void;
  resume(): void;
  cancel(): void;
}

/**
 * One exchange with an upstream, from the wish to send to the last byte of the reply. The body is held back, within
 * bounds, until somebody takes it by `gather`, `pipe` or `discard`.
 */
export class UpstreamResponse {
  status = 0;
  statusText = '';
  /** The request was handed to a connection: from here on the upstream may have seen it. */
  sent = false;
  /** Not one byte of the reply has come yet. */
  silent = true;
  /** Names and values in turn, as they were sent. */
  headers: string[] = [];
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

  /** All of the body is here. */
  get ended(): boolean {
    return this.#state === 'ended';
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** The body so far, if nobody has taken it yet. */
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

  /**
   * Resolves when the whole body is here, or more than `limit` bytes of it, or it failed, or `enough`, asked with each
   * piece, says so.
   */
  gather(limit: number, enough: () => boolean = () => false): Promise<void> {
    return new Promise((resolve) => {
      this.#gathering = { limit, enough, done: resolve };
      this.#checkGathering();
    });
  }

  /** Hands the body to a sink: first what is here, then what comes. */
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

  /** The sink has room again. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // Ended, its connection may be somebody else's by now.
    if (this.#state === 'open') this.#source?.resume();
  }

  /** Reads the rest and throws it away, so that the connection can serve again; a long rest is cut off instead. */
  discard(): void {
    let left = MAX_DRAINED_BYTES;
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
    if (this.#state === 'ended' || this.#state === 'failed' || this.#cancelled) return;
    this.#cancelled = true;
    this.#source?.cancel();
  }

  // ---- the connection's side

  /** Names the connection this exchange runs on; until then it can only be cancelled. */
  attach(source: ResponseSource): void {
    this.#source = source;
  }

  onHead(head: ResponseHead): void {
    this.status = head.status;
    this.statusText = head.reason;
    this.headers = head.headers;
    this.#state = 'open';
    this.#resolve(this);
  }

  onBody(chunk: Buffer): void {
    if (this.#sink !== undefined) {
      if (!this.#sink.write(chunk)) this.#pause();
      return;
    }
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    this.#checkGathering();
    if (this.#bufferedBytes > MAX_BUFFERED_BYTES) this.#pause();
  }

  onEnd(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.#checkGathering();
    this.#sink?.end();
  }

  /** The exchange is over before its end: a rejection before the head, a cut body after it. */
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
