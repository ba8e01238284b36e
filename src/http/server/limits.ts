import type { ErrorCode } from '../../errors.ts';
import type { RequestHandler } from './exchange.ts';

/** What a server holds its requests to, and who answers them. */
export interface ServerLimits {
  /** Bytes of a request's head. */
  readonly headerBytes: number;
  /** Told of every request that the parser refused, which therefore never became one. */
  readonly onRefused?: (code: ErrorCode) => void;
  /**
   * Answers plain requests before Express and node:http have seen them. Not with TLS, beside which their part is small.
   */
  readonly fastEngine?: RequestHandler;
}
