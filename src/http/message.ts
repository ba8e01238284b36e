/** The caller hung up. Nobody is left to answer. */
export class ClientDisconnected extends Error {}

/**
 * A request body. `kept`: all of it is here, as the chunks it came in (joining them would double the memory), and can
 * be sent as often as needed. `streamed`: too large to keep; `open` gives its bytes once.
 */
export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'buffered'; readonly chunks: readonly Buffer[]; readonly length: number; release(): void }
  | { readonly kind: 'streamed'; readonly length: number | undefined; open(): Upload };

/** A body too large to keep, read as it comes. */
export interface Upload {
  /** The next piece; undefined at the end. Rejects with CallerGone or a TokenwardError. One call at a time. */
  next(): Promise<Buffer | undefined>;
  /** No more of it is wanted. */
  stop(): void;
}
