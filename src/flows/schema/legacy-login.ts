import { z } from 'zod';
import { seconds } from '../duration.ts';
import { jsonTemplate, textsOfTemplate, type TextAt } from '../json-template.ts';

/*
 * The upstream's own logins, and what tokenward answers in its place: the vendor's shape, with values that are computed
 * when the answer is given.
 */

const jwt = z.strictObject({
  lifetime: seconds(1).describe('From iat to exp: seconds, or a duration such as 12h.'),
  claims: z.record(z.string(), jsonTemplate).default({}).describe('More claims.'),
  tokenClaims: z
    .array(z.string().min(1))
    .default([])
    .describe("Claims that are repeated from the account's own token, if that is a JWT and has them."),
});

export type StandInJwt = z.infer<typeof jwt>;

const KINDS = ['time', 'jwt', 'number'] as const;

const made = z
  .strictObject({
    time: z
      .enum(['unix', 'ms', 'iso', 'http'])
      .optional()
      .describe('A time: seconds or milliseconds since 1970, an ISO 8601 date, or an HTTP date.'),
    in: seconds(0).optional().describe('How far in the future: seconds, or a duration such as 24h. Default: now.'),
    jwt: jwt.optional().describe('A JWT without a signature, for an application that reads its claims.'),
    number: z.string().optional().describe('The number that a text contains, such as "{tenant?}".'),
  })
  .refine(
    (value) => KINDS.filter((kind) => value[kind] !== undefined).length === 1,
    `takes exactly one of ${KINDS.join(', ')}`,
  )
  .refine((value) => value.in === undefined || value.time !== undefined, 'in goes with time');

export type StandIn = z.infer<typeof made>;

export const legacyLogin = z.strictObject({
  method: z.string().default('POST'),
  path: z.string().startsWith('/'),
  make: z
    .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'must be a name of letters, digits and "_"'), made)
    .default({})
    .describe('Values that are computed for each answer. Each is a {name} in it.'),
  answer: jsonTemplate.describe(
    'The response body for an application that still logs in by itself. It may contain the {name} of a value that ' +
      "`make` computes, or that an answer of the account's own login has brought; {standIn=text} is a stand-in by " +
      'which a caller is known again that has logged in with its key.',
  ),
});

/** A login at the upstream, as a flow declares it. */
export type LegacyLogin = z.infer<typeof legacyLogin>;

/** The texts of an entry that may contain placeholders, with their paths: of its answer, and of what it computes. */
export function textsOfLegacyLogin({ answer, make }: LegacyLogin): {
  readonly answer: readonly TextAt[];
  readonly make: readonly TextAt[];
} {
  return {
    answer: textsOfTemplate(answer, ['answer']),
    make: Object.entries(make).flatMap(([name, { jwt: token, number }]) => [
      ...(number === undefined ? [] : [[['make', name, 'number'], number] as const]),
      ...(token === undefined ? [] : textsOfTemplate(token.claims, ['make', name, 'jwt', 'claims'])),
    ]),
  };
}
