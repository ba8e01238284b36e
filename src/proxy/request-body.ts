import type { BodyStream, InboundRequest } from '../http/server/exchange.ts';
import { CallerGone, type RequestBody } from '../http/message.ts';
import type { Watched } from '../http/stall-watchdog.ts';
import { standsStill, tooLarge, type BodyLimits } from './body-limits.ts';
import type { BufferBudget } from './buffer-budget.ts';
import { streamed, WholeUpload } from './streamed-body.ts';

const NONE: RequestBody = { kind: 'none' };
/**
 * Reads a body into memory while it fits; otherwise hands out what came so far and the rest as a stream. Rejects with
 * CallerGone or a TokenwardError.
 */
export function takeBody(request: InboundRequest, limits: BodyLimits): RequestBody | Promise<RequestBody> {
  const source = request.bodySource;
  if (source === 'none') return NONE;
  if (Buffer.isBuffer(source)) return wholeBody(source, limits);
  const declared = source.headers['content-length'];
  const length = declared === undefined ? undefined : Number(declared);
  if (length !== undefined) {
    if (length > limits.max) throw tooLarge(limits.max);
    if (length > limits.keep || !limits.budget.take(length)) return streamed(source, [], length, limits);
    return collect(source, limits, length);
  }
  return collect(source, limits, undefined);
}

/** One that is here already, within the same limits. */
function wholeBody(body: Buffer, { keep, max, budget }: BodyLimits): RequestBody {
  if (body.length > max) throw tooLarge(max);
  if (body.length <= keep && budget.take(body.length)) return new KeptBody([body], body.length, body.length, budget);
  return { kind: 'streamed', length: body.length, open: () => new WholeUpload(body) };
}

/** `reserved`: bytes already taken from the budget because the length is known. */
function collect(request: BodyStream, limits: BodyLimits, reserved: number | undefined): Promise<RequestBody> {
  return new Promise((resolve, reject) => new Collector(request, limits, reserved, resolve, reject));
}

/** Gathers a body's chunks until it is all here or turns out too large to keep. */
class Collector implements Watched {
  idleTicks = 0;
  readonly #request: BodyStream;
  readonly #limits: BodyLimits;
  readonly #reserved: number | undefined;
  readonly #resolve: (body: RequestBody) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #taken: number;
  #over = false;

  constructor(
    request: BodyStream,
    limits: BodyLimits,
    reserved: number | undefined,
    resolve: (body: RequestBody) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#limits = limits;
    this.#reserved = reserved;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#taken = reserved ?? 0;
    limits.watchdog.watch(this);
    request.bodySink = this.#onPiece;
    request.on('close', this.#onClose);
    // What came while the caller was being looked up is in the stream already.
    if (request.readableLength > 0 || request.complete) this.#onEarlier();
  }

  onStall(): void {
    this.#fail(standsStill(this.#limits.watchdog));
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
    this.idleTicks = 0;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // All of it: the parser passes on no byte more than was declared.
    if (this.#size === this.#reserved) {
      this.#end();
      return;
    }
    if (this.#size <= this.#taken) return;
    const { max, keep, budget } = this.#limits;
    if (this.#size > max) {
      this.#fail(tooLarge(max));
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
    this.#request.bodySink = undefined;
    this.#limits.watchdog.leave(this);
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
    this.#limits.watchdog.leave(this);
    this.#request.bodySink = undefined;
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
