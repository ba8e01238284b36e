import type { IncomingMessage } from 'node:http';
import { TokenwardError } from '../errors.ts';
import type { CallerRequest, StreamedRequest } from '../http/server/exchange.ts';
import { PlainRequest } from '../http/server/fast/request.ts';
import type { Patience, Patient } from '../http/stall-watchdog.ts';

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
  /** One that stands still for longer than this is not waited for. */
  readonly patience: Patience;
  readonly budget: BufferBudget;
}

/** True if the request's framing announces a body. */
export function hasBody(request: IncomingMessage): boolean {
  const { headers } = request;
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0');
}

/** Reads a body into memory while it fits; otherwise hands out what came so far and the rest as a stream. Rejects with CallerGone or a TokenwardError. */
export function takeBody(request: CallerRequest, limits: BodyLimits): RequestBody | Promise<RequestBody> {
  if (request instanceof PlainRequest) return request.body === undefined ? NONE : wholeBody(request.body, limits);
  if (!hasBody(request)) return NONE;
  const declared = request.headers['content-length'];
  const length = declared === undefined ? undefined : Number(declared);
  if (length !== undefined) {
    if (length > limits.most) throw tooLarge(limits.most);
    if (length > limits.keep || !limits.budget.take(length)) return streamed(request, [], length, limits);
    return collect(request, limits, length);
  }
  return collect(request, limits, undefined);
}

/** One that is here already, within the same limits. */
function wholeBody(body: Buffer, { keep, most, budget }: BodyLimits): RequestBody {
  if (body.length > most) throw tooLarge(most);
  if (body.length <= keep && budget.take(body.length)) return new KeptBody([body], body.length, body.length, budget);
  return { kind: 'streamed', length: body.length, open: () => new WholeUpload(body) };
}

/** A body that may be sent once only, although it is all here. */
class WholeUpload implements Upload {
  #body: Buffer | undefined;

  constructor(body: Buffer) {
    this.#body = body;
  }

  async next(): Promise<Buffer | undefined> {
    const body = this.#body;
    this.#body = undefined;
    return body;
  }

  stop(): void {
    this.#body = undefined;
  }
}

/** `reserved`: bytes already taken from the budget because the length is known. */
function collect(request: StreamedRequest, limits: BodyLimits, reserved: number | undefined): Promise<RequestBody> {
  return new Promise((resolve, reject) => new Collector(request, limits, reserved, resolve, reject));
}

/** Gathers a body's chunks until it is all here or turns out too large to keep. */
class Collector implements Patient {
  looks = 0;
  readonly #request: StreamedRequest;
  readonly #limits: BodyLimits;
  readonly #reserved: number | undefined;
  readonly #resolve: (body: RequestBody) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #taken: number;
  #over = false;

  constructor(request: StreamedRequest, limits: BodyLimits, reserved: number | undefined, resolve: (body: RequestBody) => void, reject: (error: Error) => void) {
    this.#request = request;
    this.#limits = limits;
    this.#reserved = reserved;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#taken = reserved ?? 0;
    limits.patience.watch(this);
    request.taker = this.#onPiece;
    request.on('close', this.#onClose);
    // What came while the caller was being looked up is in the stream already.
    if (request.readableLength > 0 || request.complete) this.#onEarlier();
  }

  onLost(): void {
    this.#fail(standsStill(this.#limits.patience));
  }

  #onEarlier(): void {
    const earlier = this.#request.read() as Buffer | null;
    if (earlier !== null) this.#onPiece(earlier);
    if (this.#request.complete && !this.#over) this.#end();
  }

  readonly #onPiece = (chunk: Buffer | null): void => {
    if (chunk === null) {
      this.#end();
      return;
    }
    this.looks = 0;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // All of it: the parser passes on no byte more than was declared.
    if (this.#size === this.#reserved) {
      this.#end();
      return;
    }
    if (this.#size <= this.#taken) return;
    const { most, keep, budget } = this.#limits;
    if (this.#size > most) {
      this.#fail(tooLarge(most));
      return;
    }
    if (this.#size <= keep && budget.take(chunk.length)) {
      this.#taken += chunk.length;
      return;
    }
    // Too large to keep after all: on with it as a stream, beginning with what is here.
    this.#stop();
    budget.give(this.#taken);
    this.#resolve(streamed(this.#request, this.#chunks, undefined, this.#limits));
  };

  #end(): void {
    this.#over = true;
    this.#request.taker = undefined;
    this.#limits.patience.leave(this);
    // The other listener stays: taking it off costs more than its last call, in vain.
    this.#resolve(new KeptBody(this.#chunks, this.#size, this.#taken, this.#limits.budget));
  }

  readonly #onClose = (): void => {
    if (!this.#over) this.#fail(new CallerGone());
  };

  #fail(error: Error): void {
    this.#stop();
    this.#limits.budget.give(this.#taken);
    this.#reject(error);
  }

  #stop(): void {
    this.#over = true;
    this.#limits.patience.leave(this);
    this.#request.taker = undefined;
    this.#request.off('close', this.#onClose);
  }
}

class KeptBody {
  readonly kind = 'kept';
  readonly chunks: readonly Buffer[];
  readonly length: number;
  readonly #budget: BufferBudget;
  #taken: number;

  /** `taken`: bytes of the budget, to be given back once. */
  constructor(chunks: readonly Buffer[], length: number, taken: number, budget: BufferBudget) {
    this.chunks = chunks;
    this.length = length;
    this.#taken = taken;
    this.#budget = budget;
  }

  release(): void {
    this.#budget.give(this.#taken);
    this.#taken = 0;
  }
}

function tooLarge(most: number): TokenwardError {
  return new TokenwardError('body_too_large', { detail: `the route's maxBody is ${most} bytes` });
}

function standsStill({ limit }: Patience): TokenwardError {
  return new TokenwardError('body_timeout', { detail: `nothing came for ${limit / 1000} s, which limits.bodyIdle sets` });
}

function streamed(request: IncomingMessage, first: readonly Buffer[], length: number | undefined, limits: BodyLimits): RequestBody {
  return { kind: 'streamed', length, open: () => new CallersUpload(request, first, limits) };
}

/**
 * The body on its way up, piece by piece as the caller sent them: not the request itself, because whoever consumes a stream
 * may destroy it, and the caller's connection is still needed for the answer.
 */
class CallersUpload implements Upload, Patient {
  looks = 0;
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #size = 0;
  #flowing = false;
  #over: 'ended' | 'stopped' | Error | undefined;
  #wake: (() => void) | undefined;

  constructor(request: IncomingMessage, first: readonly Buffer[], limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
    request.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose);
    request.pause();
    for (const chunk of first) this.#onData(chunk);
    // All of it was read before it turned out too large to keep: its end has been told, or will be told nobody.
    if (request.complete && request.readableLength === 0) this.#finish('ended');
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

  onLost(): void {
    this.#finish(standsStill(this.#limits.patience));
  }

  #flow(): void {
    if (this.#flowing || this.#over !== undefined) return;
    this.#flowing = true;
    // Only while we wait for the caller: while the upstream is the slow one he has nothing to answer for.
    this.#limits.patience.watch(this);
    this.#request.resume();
  }

  #finish(how: 'ended' | 'stopped' | Error): void {
    if (this.#over !== undefined) return;
    this.#over = how;
    this.#limits.patience.leave(this);
    this.#request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).off('error', this.#onClose);
    // The upstream wants no more of it (it has refused early, say). The rest is read all the same, or the caller's next request would be stuck behind it.
    if (how !== 'ended') this.#request.resume();
    this.#wake?.();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.looks = 0;
    this.#size += chunk.length;
    const { most } = this.#limits;
    if (this.#size > most) {
      this.#finish(tooLarge(most));
      return;
    }
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    if (this.#flowing && this.#queued >= QUEUE_MOST) {
      this.#flowing = false;
      this.#limits.patience.leave(this);
      this.#request.pause();
    }
    this.#wake?.();
  };

  readonly #onEnd = (): void => this.#finish('ended');

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.#finish(new CallerGone());
  };
}
