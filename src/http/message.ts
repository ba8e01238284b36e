/** The client closed the connection, so nobody can receive a response. */
export class ClientDisconnected extends Error {}

/**
 * A request body. `buffered`: complete in memory, in the chunks it came in (joining them would double the memory), and
 * can be sent again. `streamed`: too large to buffer; `open` returns its bytes once. `expected`: the client sends it
 * when it is asked for it (RFC 9110 §10.1.1). `spilled`: written to a file while it is sent.
 */
export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'buffered'; readonly chunks: readonly Buffer[]; readonly length: number; release(): void }
  | { readonly kind: 'streamed'; readonly length: number | undefined; open(): Upload }
  | ExpectedBody
  | SpilledBody;

/** A body that the client sends when it gets 100 Continue. */
export interface ExpectedBody {
  readonly kind: 'expected';
  readonly length: number | undefined;
  /** The client has been asked for it. Until then the upstream is sent the expectation, and decides. */
  readonly asked: boolean;
  /** It can be sent from its beginning: nothing of it was asked for, or all of it is in memory. */
  readonly whole: boolean;
  /** Asks the client for it, once. */
  ask(): void;
  /** Its bytes, for which it is asked. */
  open(): Upload;
  release(): void;
}

/** A body that is in a file as far as it has been sent. */
export interface SpilledBody {
  readonly kind: 'spilled';
  readonly length: number | undefined;
  /** It can be sent from its beginning. */
  readonly whole: boolean;
  /** Its bytes, from the beginning. The upload before, if there was one, has been stopped. */
  open(): Upload;
  /** It will not be sent again. An upload that is under way goes on. */
  release(): void;
}

/** Whether a body can be sent from its beginning, now and perhaps once more. */
export function canSendAgain(body: RequestBody): boolean {
  return body.kind === 'expected' || body.kind === 'spilled' ? body.whole : body.kind !== 'streamed';
}

/** Nobody needs the body any more. */
export function releaseBody(body: RequestBody): void {
  if ('release' in body) body.release();
}

/** A streamed body, read as it arrives. */
export interface Upload {
  /** Its pieces are needed after they were sent. */
  readonly kept: boolean;
  /** The next piece; undefined at the end. Rejects with ClientDisconnected or a TokenwardError. One read at a time. */
  next(): Promise<Buffer | undefined>;
  /** The rest is not needed. */
  stop(): void;
}
