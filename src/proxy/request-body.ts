import type { BodyStream, InboundRequest } from '../http/server/exchange.ts';
import { ClientDisconnected, type RequestBody } from '../http/message.ts';
import type { Watched } from '../http/stall-watchdog.ts';
import { bodyTimeout, bodyTooLarge, type BodyLimits } from './body-limits.ts';
import type { BufferBudget } from './buffer-budget.ts';
import { BufferedUpload, onceOrSpilled, streamBody } from './streamed-body.ts';

const NONE: RequestBody = { kind: 'none' };
/**
 * Buffers a body if it fits the limits; otherwise returns it as a stream. Rejects with ClientDisconnected or a
 * TokenwardError.
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

/** The same for a body that is complete. */
function bodyOfBuffer(body: Buffer, limits: BodyLimits): RequestBody {
  const { maxBufferedBytes, maxBytes, budget } = limits;
  if (body.length > maxBytes) throw bodyTooLarge(maxBytes);
  if (body.length <= maxBufferedBytes && budget.tryReserve(body.length))
    return new BufferedBody([body], body.length, body.length, budget);
  return onceOrSpilled(body.length, limits, () => new BufferedUpload([body], false));
}

/** `declaredLength`: Content-Length, already reserved in the budget. */
function collect(request: BodyStream, limits: BodyLimits, declaredLength: number | undefined): Promise<RequestBody> {
  return new Promise((resolve, reject) => new Collector(request, limits, declaredLength, resolve, reject));
}

/** Collects a body's chunks until it is complete or too large to buffer. */
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
    // Some of it may have arrived while the caller was being identified.
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
    // Complete: the parser passes on no byte beyond Content-Length.
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
    // Too large to buffer: continue as a stream, beginning with these chunks.
    this.#stop();
    budget.release(this.#reservedBytes);
    this.#resolve(streamBody(this.#request, this.#chunks, undefined, this.#limits));
  };

  #end(): void {
    this.#done = true;
    this.#request.bodySink = undefined;
    this.#limits.watchdog.unwatch(this);
    // The `close` listener stays: removing it costs more than its call.
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

  /** `reservedBytes`: reserved in the budget, to be released once. */
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
