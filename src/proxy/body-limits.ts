import { TokenwardError } from '../errors.ts';
import type { StallWatchdog } from '../http/stall-watchdog.ts';
import type { BufferBudget } from './buffer-budget.ts';

/** What a request's body is held to. */
export interface BodyLimits {
  /** Up to this size a body is kept. Bytes. */
  readonly maxBufferedBytes: number;
  /** Beyond this size it is refused. Bytes. */
  readonly maxBytes: number;
  /** One that stands still for longer than this is not waited for. */
  readonly watchdog: StallWatchdog;
  readonly budget: BufferBudget;
}

/** The body is larger than `most` bytes. */
export function bodyTooLarge(maxBytes: number): TokenwardError {
  return new TokenwardError('body_too_large', { detail: `the route's maxBody is ${maxBytes} bytes` });
}

/** Nothing of the body has come for too long. */
export function bodyTimeout({ limitMs }: StallWatchdog): TokenwardError {
  return new TokenwardError('body_timeout', {
    detail: `nothing came for ${limitMs / 1000} s, which limits.bodyIdle sets`,
  });
}
