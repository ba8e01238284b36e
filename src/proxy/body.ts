import type { IncomingMessage } from 'node:http';
import { TokenwardError } from '../errors.ts';

/** Bytes of request bodies kept by all requests together: a cap on their sum, because Node gives memory back late. */
export class BufferBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The caller hung up. Nobody is left to answer. */
export class CallerGone extends Error {}

/**
 * A request body. `kept`: all of it is here, as the chunks it came in (joining them would double the memory), and can
 * be sent as often as needed. `streamed`: too large to keep; `open` gives its bytes once.
 */
export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'kept'; readonly chunks: readonly Buffer[]; readonly length: number; release(): void }
  | { readonly kind: 'streamed'; readonly length: number | undefined; open(): Upload };

/** A body too large to keep, read as it comes. */
export interface Upload {
  /** The next piece; undefined at the end. Rejects with CallerGone or a TokenwardError. One call at a time. */
  next(): Promise<Buffer | undefined>;
  /** No more of it is wanted. */
  stop(): void;
}

const NONE: RequestBody = { kind: 'none' };
/** As much of an upload as is read ahead of a slow upstream. Bytes. */
const QUEUE_MOST = 64 * 1024;

export interface BodyLimits {
  /** Up to this size a body is kept. Bytes. */
  readonly keep: number;
  /** Beyond this size it is refused. Bytes. */
  readonly most: number;
  /** One that stands still for this long is not waited for; 0: no limit. ms. */
  readonly idle: number;
  readonly budget: BufferBudget;
}

/** Calls back when the body has stood still; to be refreshed as it comes. */
function patienceOf({ idle }: BodyLimits, lost: (error: TokenwardError) => void): NodeJS.Timeout | undefined {
  if (idle === 0) return undefined;
  return setTimeout(() => lost(new TokenwardError('body_timeout', { detail: `nothing came for ${idle / 1000} s` })), idle);
}

/** True if the request's framing announces a body. */
export function hasBody(request: IncomingMessage): boolean {
  const { headers } = request;
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0');
}

/** Reads a body into memory while it fits; otherwise hands out what came so far and the rest as a stream. Rejects with CallerGone or a TokenwardError. */
export function takeBody(request: IncomingMessage, limits: BodyLimits): RequestBody | Promise<RequestBody> {
  if (!hasBody(request)) return NONE;
  const declared = request.headers['content-length'];
  const length = declared === undefined ? undefined : Number(declared);
  if (length !== undefined) {
    if (length > limits.most) throw new TokenwardError('body_too_large', { detail: `limit ${limits.most} bytes` });
    if (length > limits.keep || !limits.budget.take(length)) return streamed(request, [], length, limits);
    return collect(request, limits, length);
  }
  return collect(request, limits, undefined);
}

/** `reserved`: bytes already taken from the budget because the length is known. */
function collect(request: IncomingMessage, limits: BodyLimits, reserved: number | undefined): Promise<RequestBody> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let taken = reserved ?? 0;
    const patience = patienceOf(limits, (error) => {
      done();
      limits.budget.give(taken);
      reject(error);
    });
    const done = (): void => {
      clearTimeout(patience);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    };
    const onData = (chunk: Buffer): void => {
      patience?.refresh();
      chunks.push(chunk);
      size += chunk.length;
      // All of it, without waiting for the stream to notice: the parser passes on no byte more than was declared.
      if (size === reserved) {
        onEnd();
        return;
      }
      if (size <= taken) return;
      if (size > limits.most) {
        done();
        limits.budget.give(taken);
        reject(new TokenwardError('body_too_large', { detail: `limit ${limits.most} bytes` }));
        return;
      }
      if (size <= limits.keep && limits.budget.take(chunk.length)) {
        taken += chunk.length;
        return;
      }
      // Too large to keep after all: on with it as a stream, beginning with what is here.
      request.pause();
      done();
      limits.budget.give(taken);
      resolve(streamed(request, chunks, undefined, limits));
    };
    const onEnd = (): void => {
      done();
      let released = false;
      resolve({
        kind: 'kept', chunks, length: size,
        release() {
          if (!released) limits.budget.give(taken);
          released = true;
        },
      });
    };
    const onClose = (): void => {
      done();
      limits.budget.give(taken);
      reject(new CallerGone());
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

function streamed(request: IncomingMessage, first: readonly Buffer[], length: number | undefined, limits: BodyLimits): RequestBody {
  return { kind: 'streamed', length, open: () => new CallersUpload(request, first, limits) };
}

/**
 * The body on its way up, piece by piece as the caller sent them: not the request itself, because whoever consumes a stream
 * may destroy it, and the caller's connection is still needed for the answer.
 */
class CallersUpload implements Upload {
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #size = 0;
  #flowing = false;
  #over: 'ended' | 'stopped' | Error | undefined;
  #wake: (() => void) | undefined;
  /** Runs only while we wait for the caller; while the upstream is the slow one he has nothing to answer for. */
  #patience: NodeJS.Timeout | undefined;

  constructor(request: IncomingMessage, first: readonly Buffer[], limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
    request.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose);
    request.pause();
    for (const chunk of first) this.#onData(chunk);
  }

  async next(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#over instanceof Error) throw this.#over;
      const chunk = this.#queue.shift();
      if (chunk !== undefined) {
        this.#queued -= chunk.length;
        return chunk;
      }
      if (this.#over !== undefined) return undefined;
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#flow();
      await more;
    }
  }

  stop(): void {
    this.#finish('stopped');
    this.#queue.length = 0;
  }

  #flow(): void {
    if (this.#flowing || this.#over !== undefined) return;
    this.#flowing = true;
    this.#patience = patienceOf(this.#limits, (error) => this.#finish(error));
    this.#request.resume();
  }

  #finish(how: 'ended' | 'stopped' | Error): void {
    if (this.#over !== undefined) return;
    this.#over = how;
    clearTimeout(this.#patience);
    this.#request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).off('error', this.#onClose);
    // The upstream wants no more of it (it has refused early, say). The rest is read all the same, or the caller's next request would be stuck behind it.
    if (how !== 'ended') this.#request.resume();
    this.#wake?.();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#patience?.refresh();
    this.#size += chunk.length;
    const { most } = this.#limits;
    if (this.#size > most) {
      this.#finish(new TokenwardError('body_too_large', { detail: `limit ${most} bytes` }));
      return;
    }
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    if (this.#flowing && this.#queued >= QUEUE_MOST) {
      this.#flowing = false;
      clearTimeout(this.#patience);
      this.#request.pause();
    }
    this.#wake?.();
  };

  readonly #onEnd = (): void => this.#finish('ended');

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.#finish(new CallerGone());
  };
}
