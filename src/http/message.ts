/** The client closed the connection, so nobody can receive a response. */
export class ClientDisconnected extends Error {}

/**
 * A request body. `buffered`: complete in memory, in the chunks it came in (joining them would double the memory), and
 * can be sent again. `streamed`: too large to buffer; `open` returns its bytes once.
 */
export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'buffered'; readonly chunks: readonly Buffer[]; readonly length: number; release(): void }
  | { readonly kind: 'streamed'; readonly length: number | undefined; open(): Upload };

/** A streamed body, read as it arrives. */
export interface Upload {
  /** The next piece; undefined at the end. Rejects with ClientDisconnected or a TokenwardError. One read at a time. */
  next(): Promise<Buffer | undefined>;
  /** The rest is not needed. */
  stop(): void;
}
