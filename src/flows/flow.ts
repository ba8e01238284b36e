import { z } from 'zod';
import { seconds } from './duration.ts';

/*
 * A flow is plain data: how one API logs in, refreshes, attaches its token and rejects it. Presets and the flows of a
 * configuration pass through the same schema. No conditions, no scripts.
 */

const pointer = z
  .string()
  .regex(/^(\/[^/]*)+$/, 'must be a JSON pointer such as /data/accessToken ("*" stands for every element of an array)')
  .refine((text) => text !== '/', 'leads to a field without a name; name the field, such as /token');
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).min(1)]);
/** RFC 9110 §5.6.2. */
export const headerName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be an HTTP header name');
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
    .record(pointer, oneOrMore(scalar))
    .optional()
    .describe('Each JSON pointer leads to one of these values in the body.'),
};
const NEEDS_CONDITION = 'needs at least one of status, header, body';
const hasCondition = ({
  status: statusRule,
  header,
  body,
}: {
  readonly status?: unknown;
  readonly header?: unknown;
  readonly body?: unknown;
}): boolean => statusRule !== undefined || header !== undefined || body !== undefined;

const match = z.strictObject(parts).refine(hasCondition, NEEDS_CONDITION).describe('All given parts must match.');

/** All parts must match; a list of rules matches if one of them does. */
export type MatchRule = z.infer<typeof match>;

const refusedRule = z
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

const busyRule = z
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

const template: z.ZodType<TemplateValue> = z.lazy(() =>
  z.union([scalar, z.array(template), z.record(z.string(), template)]),
);

/** A JSON value whose strings may contain `{name}`, `{name?}` (left out if not given) or `{name=default}`. */
export type TemplateValue = string | number | boolean | null | TemplateValue[] | { [key: string]: TemplateValue };

const answer = z.strictObject({
  token: pointer.describe('Where the access token is.'),
  tokenType: pointer.optional().describe('Where the token type is. A token of another type than Bearer is not used.'),
  refreshToken: pointer.optional().describe('Where the refresh token is.'),
  expiresIn: pointer
    .optional()
    .describe('Where the lifetime of the access token is, in seconds. 0 or less: not known.'),
  expiresAt: pointer
    .optional()
    .describe(
      'Where the expiry of the access token is, as a unix time (s, ms, µs, ns) or a date. 0 or less: not known.',
    ),
  refreshExpiresIn: pointer.optional().describe('The same for the refresh token. 0 or less: does not expire.'),
  refreshExpiresAt: pointer.optional(),
  jwt: z.boolean().optional().describe('The token is a JWT whose exp (not verified) is its expiry.'),
});

/** Fields that the sender sets, or that concern the connection. */
const SET_BY_TOKENWARD =
  /^(host|content-length|transfer-encoding|accept-encoding|connection|keep-alive|te|trailer|upgrade|expect)$/i;

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
      query: z.record(z.string().min(1), z.string()).optional().describe('Parameters to add to the URL.'),
      headers: z
        .record(
          headerName.refine((name) => !SET_BY_TOKENWARD.test(name), 'is set by tokenward itself'),
          z.string().regex(/^[\t\x20-\x7e]*$/, 'must be ASCII, without control characters'),
        )
        .default({}),
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
      json: template.optional().describe('The JSON body.'),
      form: z.record(z.string(), z.string()).optional().describe('The body as application/x-www-form-urlencoded.'),
      answer,
      refused: z
        .array(refusedRule)
        .default([{ status: [...refused], format: 'json' }])
        .describe(
          'Responses that mean: these credentials are wrong. Any other response without a token is a failure ' +
            'and is tried again later.',
        ),
    })
    .refine((value) => value.json === undefined || value.form === undefined, 'takes json or form, not both')
    .refine((value) => value.client === undefined || value.json === undefined, 'client goes with form, not with json')
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
const login = callThat(LOGIN_REFUSED);
const refresh = callThat(REFRESH_REFUSED);

export type TokenCall = z.infer<typeof login>;

const attached = z.string().regex(/\{[A-Za-z][A-Za-z0-9_]*\}/, 'must contain {token}, which is where the token goes');
const attach = z
  .union([
    z.strictObject({
      header: headerName,
      value: attached.regex(/^[\x20-\x7e]*$/, 'must be ASCII, without control characters').default('Bearer {token}'),
    }),
    z.strictObject({ query: z.string().regex(/^[A-Za-z0-9._~-]+$/), value: attached.default('{token}') }),
    z.strictObject({ cookie: z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/), value: attached.default('{token}') }),
  ])
  .describe('How the token travels on a request.');

export type Attach = z.infer<typeof attach>;

const budget = z
  .strictObject({
    logins: z.number().int().min(1).max(100_000),
    per: seconds(1).default(86_400).describe('Rolling window: seconds, or a duration such as 24h.'),
    reserve: z.number().int().min(0).default(0).describe('Logins kept for an operator.'),
    by: z.array(z.string()).default([]).describe('Credentials by which the upstream counts logins.'),
  })
  .refine((value) => value.reserve < value.logins, 'reserve must be smaller than logins');

const legacyLogin = z.strictObject({
  method: z.string().default('POST'),
  path: z.string().startsWith('/'),
  answer: template.describe('The response body for an application that still logs in by itself.'),
});

const lifetime = seconds(1);
const rotationGrace = seconds(0, 86_400);

export const flowSchema = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('The base URL of login and refresh, unless the account sets one.'),
  credentials: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'must be a name of letters, digits and "_", so that {name} can stand for it'),
      z.enum(['required', 'optional']),
    )
    .default({})
    .describe('The names of the credentials that an account of this flow gives.'),
  login: login.optional(),
  refresh: refresh.optional().describe('Without login: the first refresh token is imported.'),
  refused: z
    .array(refusedRule)
    .default([])
    .describe('Further rules for login and refresh: responses that mean that the credentials are wrong.'),
  busy: z
    .array(busyRule)
    .default([])
    .describe('Responses to login or refresh that mean: nothing was done, try again later. A 429 always means that.'),
  lifetime: lifetime
    .optional()
    .describe(
      'Lifetime of an access token if the response does not state one, and its upper limit if it does. ' +
        'Seconds, or a duration such as 30m.',
    ),
  lifetimeFrom: z
    .string()
    .optional()
    .describe('The credential that requests a lifetime in seconds; an upper limit like lifetime.'),
  rotationGrace: rotationGrace
    .default(0)
    .describe(
      'How long the endpoint accepts a refresh token a second time: seconds, or a duration such as 30m. 0: ' +
        'never send one twice.',
    ),
  attach,
  invalid: z
    .array(match)
    .default([])
    .describe('Responses that reject the token, sent before the upstream acted on the request.'),
  renew: z.enum(['early', 'on-demand']).default('early'),
  budget: budget.optional(),
  legacyLogin: z.array(legacyLogin).default([]),
});

/** One API's flow, with all defaults filled in. Durations in seconds. */
export type Flow = z.infer<typeof flowSchema>;
/** A flow as it is written in a configuration or preset. */
export type FlowInput = z.input<typeof flowSchema>;

/** True for a flow without login and refresh: its token is a credential that `attach` names. */
export function isFixed(flow: Pick<Flow, 'login' | 'refresh'>): boolean {
  return flow.login === undefined && flow.refresh === undefined;
}

export {
  attach as attachSchema,
  budget as budgetSchema,
  lifetime as lifetimeSchema,
  rotationGrace as rotationGraceSchema,
};
