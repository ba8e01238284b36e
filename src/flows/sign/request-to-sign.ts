import { UnfillableError } from '../template.ts';

/** A request as it goes to the upstream, for whoever signs it. */
export interface RequestToSign {
  readonly method: string;
  /** Scheme and authority, such as `https://api.example:8443`. */
  readonly origin: string;
  /** Path and query as they are sent. */
  readonly target: string;
  /** Names and values in turn as they are sent, without the signature. */
  readonly headers: readonly string[];
  /** The content; empty if there is none. Undefined: it is streamed, and not known yet. */
  readonly body: Buffer | undefined;
  /** Wall clock, ms. */
  readonly now: number;
}

/** What a signature adds to a request. */
export interface Signature {
  /** Lower-case names and values in turn; each replaces the request's field of that name. */
  readonly headers: readonly string[];
  /** Encoded `name=value` parameters to add to the query. */
  readonly query: readonly string[];
}

/** The request is not one that can be signed; the credentials may be right. */
export class UnsignableRequestError extends UnfillableError {
  /** `isStreamed`: its content is not known yet, and the signature covers it. */
  constructor(
    message: string,
    readonly isStreamed = false,
  ) {
    super(message);
  }
}

/** Signs requests of one account. Throws an UnfillableError if this request cannot be signed. */
export type Signer = (request: RequestToSign) => Signature;
