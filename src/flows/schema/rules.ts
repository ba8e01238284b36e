import { z } from 'zod';
import { seconds } from '../duration.ts';
import { locatorProblem } from '../locator.ts';

export const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).min(1)]);
/** RFC 9110 §5.6.2. */
export const headerName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be an HTTP header name');
/** A place in a response. */
export const locator = z
  .string()
  .refine((text) => locatorProblem(text) === undefined, { error: ({ input }) => locatorProblem(String(input)) ?? '' });

const STATUS_FORM = 'must be a status such as 401, or 4xx for all of them, or a list of these';
const status = z.union([z.number().int().min(100).max(599), z.string().regex(/^[1-5]xx$/, STATUS_FORM)], {
  error: STATUS_FORM,
});
const texts = z.record(headerName, oneOrMore(z.string()));

const parts = {
  status: oneOrMore(status).optional().describe('The response has one of these statuses; 4xx stands for 400 to 499.'),
  header: texts
    .optional()
    .describe('Each named header field contains this text (of a list: one of them), case-insensitively.'),
  unlessHeader: texts.optional().describe('None of the named header fields contains any of these texts.'),
  body: z
    .record(locator, oneOrMore(scalar))
    .optional()
    .describe('Each place (a JSON pointer, xml:/PATH, form:NAME, text) holds one of these values.'),
  contains: oneOrMore(z.string().min(1))
    .optional()
    .describe('The body contains this text (of a list: one of them), case-insensitively.'),
};
const NEEDS_CONDITION = 'needs at least one of status, header, body, contains';
const hasCondition = (rule: {
  readonly status?: unknown;
  readonly header?: unknown;
  readonly body?: unknown;
  readonly contains?: unknown;
}): boolean => [rule.status, rule.header, rule.body, rule.contains].some((condition) => condition !== undefined);

export const match = z
  .strictObject(parts)
  .refine(hasCondition, NEEDS_CONDITION)
  .describe('All given parts must match.');

/** All parts must match; a list of rules matches if one of them does. */
export type MatchRule = z.infer<typeof match>;

export const refusedRule = z
  .strictObject({
    ...parts,
    format: z
      .enum(['json', 'any'])
      .default('json')
      .describe(
        'json: a rule with statuses only matches a JSON object or list, because a block page has statuses ' +
          'too. any: any body.',
      ),
  })
  .refine(hasCondition, NEEDS_CONDITION)
  .describe('All given parts must match.');

/** A response that means: these credentials are wrong. */
export type RefusedRule = z.infer<typeof refusedRule>;

export const busyRule = z
  .strictObject({
    ...parts,
    wait: seconds(1, 86_400)
      .optional()
      .describe('How long to wait before the next request, if the response has no Retry-After.'),
  })
  .refine(hasCondition, NEEDS_CONDITION)
  .describe('All given parts must match.');

/** A response that means: nothing was done, try again later. `wait`: seconds. */
export type BusyRule = z.infer<typeof busyRule>;
