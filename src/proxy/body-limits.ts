import { TokenwardError } from '../errors.ts';
import type { StallWatchdog } from '../http/stall-watchdog.ts';
import type { BufferBudget } from './buffer-budget.ts';
import type { Spill } from './spill.ts';

/** Limits on a request body. */
export interface BodyLimits {
  /** Up to this size a body is buffered. Bytes. */
  readonly maxBufferedBytes: number;
  /** Beyond this size a body is refused. Bytes. */
  readonly maxBytes: number;
  /** Ends a body that stalls for too long. */
  readonly watchdog: StallWatchdog;
  readonly budget: BufferBudget;
  /** Keeps larger bodies in files; undefined: they are streamed. */
  readonly spill: Spill | undefined;
}

export function bodyTooLarge(maxBytes: number): TokenwardError {
  return new TokenwardError('body_too_large', { detail: `the route's maxBody is ${maxBytes} bytes` });
}

export function bodyTimeout({ limitMs }: StallWatchdog): TokenwardError {
  return new TokenwardError('body_timeout', {
    detail: `no data for ${limitMs / 1000} s (limits.bodyIdle)`,
  });
}
