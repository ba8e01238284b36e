import { z } from 'zod';
import { bytes, duration } from './values.ts';

/** `limits`: of which there is only so much. */
export const limits = z.strictObject({
  bufferedBytes: bytes.default(128 * 1024 ** 2)
    .describe('All kept request bodies together; beyond it bodies stream and are not replayed.'),
  inFlight: z.number().int().min(1).default(5_000)
    .describe('Requests being answered at once; one more gets a 503 at once.'),
  inFlightPerRoute: z.number().int().min(1).optional()
    .describe('Of those, how many may be one route\'s. Default: half of inFlight where there are several routes.'),
  inFlightPerCaller: z.number().int().min(1).optional()
    .describe('Of those, how many may be one caller\'s. Default where there are several callers: half of inFlight or '
      + 'of waitingPerAccount, whichever is less.'),
  waitingPerAccount: z.number().int().min(1).default(2_000),
  accountsInMemory: z.number().int().min(100).default(20_000)
    .describe('Accounts whose tokens are kept in memory; others are read from the store when used.'),
  headerBytes: bytes.refine((value) => value >= 1024 && value <= 1024 ** 2, 'must be 1 KiB to 1 MiB').default(16 * 1024)
    .describe('A request\'s line and header fields together; more is refused with 431.'),
  bodyIdle: duration.prefault('30s')
    .describe('A caller whose request body stands still for this long gets a 408. 0: no limit.'),
  readIdle: duration.prefault('120s')
    .describe('A caller who takes nothing of his answer for this long is cut off. 0: no limit.'),
}).prefault({});
