import { z } from 'zod';

/*
 * A flow is plain data: how one API logs in, refreshes, carries its token, and says that a token is dead.
 * The presets and the flows users write pass through the same schema. No conditions, no scripts.
 */

const pointer = z.string().regex(/^(\/[^/]*)+$/, 'must be a JSON pointer such as /data/accessToken ("*" stands for every element of an array)');
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).min(1)]);
const headerName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be an HTTP header name');
const status = z.number().int().min(100).max(599);

const match = z.strictObject({
  status: oneOrMore(status).optional().describe('The reply has one of these statuses.'),
  header: z.record(headerName, z.string()).optional().describe('Each named header contains this text, case-insensitively.'),
  body: z.record(pointer, oneOrMore(scalar)).optional().describe('In the JSON body, each pointer leads to one of these values.'),
}).refine((rule) => rule.status !== undefined || rule.header !== undefined || rule.body !== undefined, 'needs at least one of status, header, body')
  .describe('All parts given must hold.');

/** All of its parts must hold; a list of rules holds if one of them does. */
export type MatchRule = z.infer<typeof match>;

const template: z.ZodType<TemplateValue> = z.lazy(() => z.union([scalar, z.array(template), z.record(z.string(), template)]));

/** A JSON value whose strings may contain `{name}`, `{name?}` (left out if not given) or `{name=default}`. */
export type TemplateValue = string | number | boolean | null | TemplateValue[] | { [key: string]: TemplateValue };

const answer = z.strictObject({
  token: pointer.describe('Where the access token is.'),
  refreshToken: pointer.optional().describe('Where the refresh token is.'),
  expiresIn: pointer.optional().describe('Where the life of the access token is, in seconds.'),
  expiresAt: pointer.optional().describe('Where the end of the access token is, as unix seconds or milliseconds.'),
  refreshExpiresIn: pointer.optional(),
  refreshExpiresAt: pointer.optional(),
  jwt: z.boolean().optional().describe('The token is a JWT whose (unverified) exp ends its life.'),
});

const call = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT']).default('POST'),
  url: z.string().min(1).describe('A path below baseUrl, or a whole URL.'),
  headers: z.record(headerName, z.string()).default({}),
  json: template.optional().describe('The JSON body.'),
  form: z.record(z.string(), z.string()).optional().describe('The body as application/x-www-form-urlencoded.'),
  answer,
  refused: z.array(match).default([{ status: [400, 401, 403, 422] }]).describe('Replies that mean: these credentials are wrong. Anything else that is not a grant is a failure, and tried again later.'),
}).refine((value) => value.json === undefined || value.form === undefined, 'takes json or form, not both');

export type TokenCall = z.infer<typeof call>;

const attached = z.string().regex(/\{token\}/, 'must contain {token}, which is where the token goes');
const attach = z.union([
  z.strictObject({ header: headerName, value: attached.default('Bearer {token}') }),
  z.strictObject({ query: z.string().regex(/^[A-Za-z0-9._~-]+$/), value: attached.default('{token}') }),
  z.strictObject({ cookie: z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/), value: attached.default('{token}') }),
]).describe('How the token travels on a request.');

export type Attach = z.infer<typeof attach>;

const budget = z.strictObject({
  logins: z.number().int().min(1).max(100_000),
  per: z.number().int().min(1).default(86_400).describe('Rolling window, seconds.'),
  reserve: z.number().int().min(0).default(0).describe('Logins kept for an operator.'),
  by: z.array(z.string()).default([]).describe('Credentials by which the upstream counts.'),
}).refine((value) => value.reserve < value.logins, 'reserve must be smaller than logins');

const legacyLogin = z.strictObject({
  method: z.string().default('POST'),
  path: z.string().startsWith('/'),
  answer: template.describe('What a legacy app that still logs in by itself may be told.'),
});

export const flowSchema = z.strictObject({
  baseUrl: z.url({ protocol: /^https?$/ }).optional().describe('Where login and refresh go, if the account does not say.'),
  credentials: z.record(z.string(), z.enum(['required', 'optional'])).default({}).describe('The names an account of this flow gives values for.'),
  login: call.optional(),
  refresh: call.optional(),
  lifetime: z.number().int().min(1).optional().describe('Seconds an access token lives when the answer does not say; also an upper limit when it does.'),
  lifetimeFrom: z.string().optional().describe('A credential that asks for a lifetime in seconds; an upper limit like lifetime.'),
  rotationGrace: z.number().int().min(0).max(600).default(0).describe('Seconds within which the endpoint answers a refresh token it has seen before; 0: never spend one twice.'),
  attach,
  invalid: z.array(match).default([]).describe('Replies that mean: this token is dead, and the request was refused before the upstream acted on it.'),
  renew: z.enum(['early', 'on-demand']).default('early'),
  budget: budget.optional(),
  legacyLogin: z.array(legacyLogin).default([]),
});

/** One API's way with tokens, with all defaults filled in. */
export type Flow = z.infer<typeof flowSchema>;
/** The same as a user or preset writes it. */
export type FlowInput = z.input<typeof flowSchema>;

export { attach as attachSchema, budget as budgetSchema };
