import { z } from 'zod';
import { jsonTemplate } from '../json-template.ts';
import { locatorProblem, unitProblem } from '../locator.ts';
import { makeSchema } from '../make-schema.ts';
import { headerName, locator, refusedRule } from './rules.ts';

/** Names in `answer` with a meaning of their own. Any other is a value for later calls and for `attach`. */
export const RESERVED = [
  'token',
  'tokenType',
  'refreshToken',
  'expiresIn',
  'expiresAt',
  'refreshExpiresIn',
  'refreshExpiresAt',
] as const;

const lifetime = locator.refine((text) => unitProblem(text) === undefined, {
  error: ({ input }) => unitProblem(String(input)) ?? '',
});

const answer = z
  .object({
    token: locator.optional().describe('Where the access token is.'),
    tokenType: locator.optional().describe('Where the token type is. A token of another type than Bearer is not used.'),
    refreshToken: locator.optional().describe('Where the refresh token is.'),
    expiresIn: lifetime
      .optional()
      .describe(
        'Where the lifetime of the access token is: in seconds, or in a unit, such as "/SessionTimeout minutes". ' +
          '0 or less: not known.',
      ),
    expiresAt: locator
      .optional()
      .describe(
        'Where the expiry of the access token is, as a unix time (s, ms, µs, ns) or a date. 0 or less: not known.',
      ),
    refreshExpiresIn: lifetime.optional().describe('The same for the refresh token. 0 or less: does not expire.'),
    refreshExpiresAt: locator.optional(),
    jwt: z.boolean().optional().describe('The token is a JWT whose exp (not verified) is its expiry.'),
  })
  .catchall(z.union([z.string(), z.boolean()]))
  .superRefine((places, { addIssue }) => {
    for (const [name, place] of Object.entries(places)) {
      if (name === 'jwt' || (RESERVED as readonly string[]).includes(name)) continue;
      const problem = !/^[A-Za-z]\w*$/.test(name)
        ? 'must be a name of letters, digits and "_", so that {name} can stand for its value'
        : locatorProblem(String(place));
      if (problem !== undefined) addIssue({ code: 'custom', path: [name], message: problem });
    }
  })
  .describe(
    'Where values stand in the response: a JSON pointer, text, header:NAME, cookie:NAME, cookies, form:NAME or ' +
      'xml:/PATH. Besides the names listed, any other name is a value that later calls, attach and upstream may use.',
  );

/** Where values stand in the response to a call. */
export type Answer = z.infer<typeof answer>;

/** Fields that the sender sets, or that concern the connection. */
const SET_BY_TOKENWARD = /^(host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect)$/i;

/** Some APIs refuse requests without one of them. */
const READABLE_CODINGS = /^(gzip|deflate|br|identity)$/;

/** `refused`: the statuses with which APIs usually refuse this call. */
const callThat = (refused: readonly number[]) =>
  z
    .strictObject({
      method: z.enum(['GET', 'POST', 'PUT']).default('POST'),
      url: z
        .string()
        .min(1)
        .regex(
          /^(\/|https?:\/\/|\{)[^#\s]*$/,
          'must be a path that begins with /, a whole URL, or begin with the {name} of one',
        )
        .describe('A path below baseUrl, or a whole URL. Values are percent-encoded, except one that begins the URL.'),
      make: makeSchema.optional(),
      query: z.record(z.string().min(1), z.string()).optional().describe('Parameters to add to the URL.'),
      headers: z
        .record(
          headerName.refine((name) => !SET_BY_TOKENWARD.test(name), 'is set by tokenward itself'),
          z.string().regex(/^[\t\x20-\x7e]*$/, 'must be ASCII, without control characters'),
        )
        .default({})
        .superRefine((headers, { addIssue }) => {
          for (const [name, value] of Object.entries(headers))
            if (name.toLowerCase() === 'accept-encoding' && !READABLE_CODINGS.test(value))
              addIssue({ code: 'custom', path: [name], message: 'must be gzip, deflate, br or identity' });
        }),
      basic: z
        .string()
        .min(1)
        .optional()
        .describe('User and password for HTTP Basic authentication, such as {user}:{password}.'),
      client: z
        .strictObject({
          id: z.string().min(1),
          secret: z.string().default(''),
          auth: z
            .string()
            .default('auto')
            .describe(
              'post: client_id and client_secret in the form. basic: HTTP Basic. auto: post, then basic if ' +
                'the endpoint responds with invalid_client; what worked is remembered.',
            ),
        })
        .optional()
        .describe("An OAuth 2.0 client's own credentials (RFC 6749 §2.3.1)."),
      json: jsonTemplate.optional().describe('The JSON body.'),
      form: z.record(z.string(), z.string()).optional().describe('The body as application/x-www-form-urlencoded.'),
      xml: z
        .string()
        .min(1)
        .optional()
        .describe('The body as XML. Values are escaped; Content-Type is text/xml unless headers set it.'),
      answer: answer.default({}),
      refused: z
        .array(refusedRule)
        .default([{ status: [...refused], format: 'json' }])
        .describe(
          'Responses that mean: these credentials are wrong. Any other response without a token is a failure ' +
            'and is tried again later.',
        ),
    })
    .refine(
      ({ json, form, xml }) => [json, form, xml].filter((body) => body !== undefined).length <= 1,
      'takes one of json, form and xml',
    )
    .refine(
      ({ client, json, xml }) => client === undefined || (json === undefined && xml === undefined),
      'client goes with form, not with json or xml',
    )
    .refine(
      (value) =>
        [
          value.basic,
          value.client,
          Object.keys(value.headers).find((name) => name.toLowerCase() === 'authorization'),
        ].filter((way) => way !== undefined).length <= 1,
      'takes one of basic, client and a header Authorization',
    );

/** For a wrong password. A 404 means a wrong address. */
const LOGIN_REFUSED = [400, 401, 403, 422];
/**
 * Servers use many statuses for a refresh token that they do not know (any more): not found, conflict, gone, session
 * expired.
 */
const REFRESH_REFUSED = [400, 401, 403, 404, 409, 410, 419, 422, 440, 498];

export const loginCall = callThat(LOGIN_REFUSED);
export const refreshCall = callThat(REFRESH_REFUSED);

/** One request of a login or refresh. */
export type TokenCall = z.infer<typeof loginCall>;
