import { z } from 'zod';

/** `log`. */
export const log = z
  .strictObject({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    format: z
      .enum(['pretty', 'json'])
      .optional()
      .describe('pretty: for people. Default: pretty on a terminal, json otherwise.'),
    access: z
      .strictObject({
        requests: z
          .enum(['all', 'errors', 'none'])
          .default('errors')
          .describe('Which requests have a line on standard output. errors: failed ones, and those sent again.'),
        sample: z
          .number()
          .min(0)
          .max(1)
          .default(1)
          .describe('With all: the share of the requests without an error that have a line.'),
        query: z.boolean().default(false).describe('true: with the query; values that may be secrets are masked.'),
        perSecond: z
          .int()
          .min(1)
          .optional()
          .describe('At most so many lines a second. Default: 100 with errors, no limit with all.'),
      })
      .prefault({}),
  })
  .prefault({});

export type AccessSettings = z.infer<typeof log>['access'];
