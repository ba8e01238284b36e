import type { IncomingMessage } from 'node:http';
import { ClientDisconnected, type RequestBody, type Upload } from '../http/message.ts';
import type { Watched } from '../http/stall-watchdog.ts';
import { bodyTimeout, bodyTooLarge, type BodyLimits } from './body-limits.ts';

/** What is read ahead of a slow upstream at most. Bytes. */
const MAX_QUEUED_BYTES = 64 * 1024;

/** A body that is forwarded as it arrives, once, unless it can be spilled. `first`: the part that is here. */
export function streamBody(
  request: IncomingMessage,
  first: readonly Buffer[],
  length: number | undefined,
  limits: BodyLimits,
): RequestBody {
  return onceOrSpilled(length, limits, () => new ClientUpload(request, first, limits));
}

/** A body that is too large for memory. */
export function onceOrSpilled(length: number | undefined, { spill }: BodyLimits, open: () => Upload): RequestBody {
  return spill === undefined ? { kind: 'streamed', length, open } : spill.keep(length, open);
}

/** A complete body. `kept`: it may be sent again; otherwise it exceeds the limits for that. */
export class BufferedUpload implements Upload {
  readonly kept: boolean;
  #chunks: readonly Buffer[];
  #next = 0;

  constructor(chunks: readonly Buffer[], kept: boolean) {
    this.#chunks = chunks;
    this.kept = kept;
  }

  async next(): Promise<Buffer | undefined> {
    const chunk = this.#chunks[this.#next];
    this.#next += 1;
    return chunk;
  }

  stop(): void {
    this.#chunks = [];
  }
}

/**
 * Reads the request's body piece by piece. The request itself is not passed on, because a consumer may destroy the
 * stream, and the client's connection is still needed for the response.
 */
class ClientUpload implements Upload, Watched {
  readonly kept = false;
  idleTicks = 0;
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #size = 0;
  #flowing = false;
  #outcome: 'ended' | 'stopped' | Error | undefined;
  #wake: (() => void) | undefined;

  constructor(request: IncomingMessage, first: readonly Buffer[], limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
    request.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose);
    request.pause();
    for (const chunk of first) this.#onData(chunk);
    // It was read completely before it proved too large to buffer; `end` may not be emitted again.
    if (request.complete && request.readableLength === 0) this.#finish('ended');
  }

  async next(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#outcome instanceof Error) throw this.#outcome;
      const chunk = this.#queue.shift();
      if (chunk !== undefined) {
        this.#queuedBytes -= chunk.length;
        return chunk;
      }
      if (this.#outcome !== undefined) return undefined;
      const nextChunk = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#flow();
      await nextChunk;
    }
  }

  stop(): void {
    this.#finish('stopped');
    this.#queue.length = 0;
  }

  onStall(): void {
    this.#finish(bodyTimeout(this.#limits.watchdog));
  }

  #flow(): void {
    if (this.#flowing || this.#outcome !== undefined) return;
    this.#flowing = true;
    // Watched only while we wait for the client, not while the upstream is slow.
    this.#limits.watchdog.watch(this);
    this.#request.resume();
  }

  #finish(outcome: 'ended' | 'stopped' | Error): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#limits.watchdog.unwatch(this);
    this.#request
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('error', this.#onClose);
    // The upstream needs no more, after an early refusal for example. The rest is read all the same; otherwise it would
    // block the client's next request.
    if (outcome !== 'ended') this.#request.resume();
    this.#wake?.();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.idleTicks = 0;
    this.#size += chunk.length;
    const { maxBytes } = this.#limits;
    if (this.#size > maxBytes) {
      this.#finish(bodyTooLarge(maxBytes));
      return;
    }
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#flowing && this.#queuedBytes >= MAX_QUEUED_BYTES) {
      this.#flowing = false;
      this.#limits.watchdog.unwatch(this);
      this.#request.pause();
    }
    this.#wake?.();
  };

  readonly #onEnd = (): void => this.#finish('ended');

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.#finish(new ClientDisconnected());
  };
}
