import { z } from 'zod';
import { bytes, duration } from './values.ts';

/** `limits`: resources and waiting times. */
export const limits = z
  .strictObject({
    bufferedBytes: bytes
      .default(128 * 1024 ** 2)
      .describe('Memory for kept request bodies, in total; beyond it bodies are streamed and not replayed.'),
    inFlight: z.number().int().min(1).default(5_000).describe('Concurrent requests; further ones get 503.'),
    inFlightPerRoute: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe('Concurrent requests per route. Default: half of inFlight if there are several routes.'),
    inFlightPerCaller: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe(
        'Concurrent requests per caller. Default if there are several callers: half of inFlight or of ' +
          'waitingPerAccount, whichever is less.',
      ),
    upgraded: z
      .number()
      .int()
      .min(1)
      .default(2_000)
      .describe('Upgraded connections (WebSockets) at once, one caller of several at most half; more get 503.'),
    waitingPerAccount: z.number().int().min(1).default(2_000),
    accountsInMemory: z
      .number()
      .int()
      .min(100)
      .default(20_000)
      .describe(
        'Accounts of accountsFrom.file whose tokens are kept in memory; ' + 'others are read from the store when used.',
      ),
    headerBytes: bytes
      .refine((value) => value >= 1024 && value <= 1024 ** 2, 'must be 1 KiB to 1 MiB')
      .default(16 * 1024)
      .describe('Size limit of request line and header fields together; more gets 431.'),
    bodyIdle: duration
      .prefault('30s')
      .describe('A request body that stops arriving for this long gets 408. 0: no limit.'),
    readIdle: duration
      .prefault('120s')
      .describe('A client that reads nothing of the response for this long is disconnected. 0: no limit.'),
  })
  .prefault({});
