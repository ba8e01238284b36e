import type { BodyStream, InboundRequest } from '../http/server/exchange.ts';
import { ClientDisconnected, type RequestBody } from '../http/message.ts';
import type { Watched } from '../http/stall-watchdog.ts';
import { bodyTimeout, bodyTooLarge, type BodyLimits } from './body-limits.ts';
import type { BufferBudget } from './buffer-budget.ts';
import { streamBody, BufferedUpload } from './streamed-body.ts';

const NONE: RequestBody = { kind: 'none' };
/**
 * Reads a body into memory while it fits; otherwise hands out what came so far and the rest as a stream. Rejects with
 * CallerGone or a TokenwardError.
 */
export function readBody(request: InboundRequest, limits: BodyLimits): RequestBody | Promise<RequestBody> {
  const source = request.bodySource;
  if (source === 'none') return NONE;
  if (Buffer.isBuffer(source)) return bodyOfBuffer(source, limits);
  const declared = source.headers['content-length'];
  const length = declared === undefined ? undefined : Number(declared);
  if (length !== undefined) {
    if (length > limits.maxBytes) throw bodyTooLarge(limits.maxBytes);
    if (length > limits.maxBufferedBytes || !limits.budget.tryReserve(length))
      return streamBody(source, [], length, limits);
    return collect(source, limits, length);
  }
  return collect(source, limits, undefined);
}

/** One that is here already, within the same limits. */
function bodyOfBuffer(body: Buffer, { maxBufferedBytes, maxBytes, budget }: BodyLimits): RequestBody {
  if (body.length > maxBytes) throw bodyTooLarge(maxBytes);
  if (body.length <= maxBufferedBytes && budget.tryReserve(body.length))
    return new BufferedBody([body], body.length, body.length, budget);
  return { kind: 'streamed', length: body.length, open: () => new BufferedUpload(body) };
}

/** `reserved`: bytes already taken from the budget because the length is known. */
function collect(request: BodyStream, limits: BodyLimits, declaredLength: number | undefined): Promise<RequestBody> {
  return new Promise((resolve, reject) => new Collector(request, limits, declaredLength, resolve, reject));
}

/** Gathers a body's chunks until it is all here or turns out too large to keep. */
class Collector implements Watched {
  idleTicks = 0;
  readonly #request: BodyStream;
  readonly #limits: BodyLimits;
  readonly #declaredLength: number | undefined;
  readonly #resolve: (body: RequestBody) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #reservedBytes: number;
  #done = false;

  constructor(
    request: BodyStream,
    limits: BodyLimits,
    declaredLength: number | undefined,
    resolve: (body: RequestBody) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#limits = limits;
    this.#declaredLength = declaredLength;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#reservedBytes = declaredLength ?? 0;
    limits.watchdog.watch(this);
    request.bodySink = this.#onChunk;
    request.on('close', this.#onClose);
    // What came while the caller was being looked up is in the stream already.
    if (request.readableLength > 0 || request.complete) this.#readBuffered();
  }

  onStall(): void {
    this.#fail(bodyTimeout(this.#limits.watchdog));
  }

  #readBuffered(): void {
    const buffered = this.#request.read() as Buffer | null;
    if (buffered !== null) this.#onChunk(buffered);
    if (this.#request.complete && !this.#done) this.#end();
  }

  readonly #onChunk = (chunk: Buffer | null): void => {
    if (chunk === null) {
      this.#end();
      return;
    }
    this.idleTicks = 0;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // All of it: the parser passes on no byte more than was declared.
    if (this.#size === this.#declaredLength) {
      this.#end();
      return;
    }
    if (this.#size <= this.#reservedBytes) return;
    const { maxBytes, maxBufferedBytes, budget } = this.#limits;
    if (this.#size > maxBytes) {
      this.#fail(bodyTooLarge(maxBytes));
      return;
    }
    if (this.#size <= maxBufferedBytes && budget.tryReserve(chunk.length)) {
      this.#reservedBytes += chunk.length;
      return;
    }
    // Too large to keep after all: on with it as a stream, beginning with what is here.
    this.#stop();
    budget.release(this.#reservedBytes);
    this.#resolve(streamBody(this.#request, this.#chunks, undefined, this.#limits));
  };

  #end(): void {
    this.#done = true;
    this.#request.bodySink = undefined;
    this.#limits.watchdog.unwatch(this);
    // The other listener stays: taking it off costs more than its last call, in vain.
    this.#resolve(new BufferedBody(this.#chunks, this.#size, this.#reservedBytes, this.#limits.budget));
  }

  readonly #onClose = (): void => {
    if (!this.#done) this.#fail(new ClientDisconnected());
  };

  #fail(error: Error): void {
    this.#stop();
    this.#limits.budget.release(this.#reservedBytes);
    this.#reject(error);
  }

  #stop(): void {
    this.#done = true;
    this.#limits.watchdog.unwatch(this);
    this.#request.bodySink = undefined;
    this.#request.off('close', this.#onClose);
  }
}

class BufferedBody {
  readonly kind = 'buffered';
  readonly chunks: readonly Buffer[];
  readonly length: number;
  readonly #budget: BufferBudget;
  #reservedBytes: number;

  /** `taken`: bytes of the budget, to be given back once. */
  constructor(chunks: readonly Buffer[], length: number, reservedBytes: number, budget: BufferBudget) {
    this.chunks = chunks;
    this.length = length;
    this.#reservedBytes = reservedBytes;
    this.#budget = budget;
  }

  release(): void {
    this.#budget.release(this.#reservedBytes);
    this.#reservedBytes = 0;
  }
}
