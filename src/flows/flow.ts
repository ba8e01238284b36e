import { z } from 'zod';
import { seconds } from './duration.ts';
import { makeSchema } from './make-schema.ts';
import { oauthSchema } from './oauth/schema.ts';
import { attach } from './schema/attach.ts';
import { loginCall, refreshCall } from './schema/call.ts';
import { legacyLogin } from './schema/legacy-login.ts';
import { busyRule, match, refusedRule } from './schema/rules.ts';

export type { Attach, AttachPart, FixedPart } from './schema/attach.ts';
export type { JsonTemplate as TemplateValue } from './json-template.ts';
export type { TokenCall } from './schema/call.ts';
export type { LegacyLogin } from './schema/legacy-login.ts';
export type { BusyRule, MatchRule, RefusedRule } from './schema/rules.ts';
export { headerName } from './schema/rules.ts';

/*
 * A flow is plain data: how one API logs in, refreshes, attaches its token and rejects it. It is a bag of named values:
 * credentials are given, `answer` takes values out of responses, and every text may use any of them as {name}. Presets
 * and the flows of a configuration pass through the same schema. No conditions, no scripts.
 */

const listOf = <T extends z.ZodType>(item: T) =>
  z
    .union([item, z.array(item).min(1)])
    .transform((value): readonly z.infer<T>[] => (Array.isArray(value) ? value : [value]) as z.infer<T>[]);
const NAME = /^\{[A-Za-z][A-Za-z0-9_]*\}$/;

const budgetEntry = z
  .strictObject({
    logins: z.number().int().min(1).max(100_000).optional().describe('How many logins the vendor grants.'),
    renewals: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .describe('In place of logins: how many logins and refreshes together.'),
    per: seconds(1).default(86_400).describe('Rolling window: seconds, or a duration such as 24h.'),
    reserve: z.number().int().min(0).default(0).describe('Logins kept for an operator.'),
    by: z.array(z.string()).default([]).describe('Credentials by which the vendor counts.'),
  })
  .superRefine(({ logins, renewals, reserve }, context) => {
    const wrong = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message, continue: true });
    if (logins === undefined && renewals === undefined) wrong('logins', 'is missing, or renewals in its place');
    if (logins !== undefined && renewals !== undefined)
      wrong('renewals', 'cannot stand beside logins; write two entries of a list');
    if (logins !== undefined && reserve >= logins) wrong('reserve', 'must be smaller than logins');
    if (logins === undefined && renewals !== undefined && reserve > 0)
      wrong('reserve', 'is for logins; renewals have none');
  });

const budget = listOf(budgetEntry).superRefine((entries, context) => {
  const wrong = (message: string): void => context.addIssue({ code: 'custom', message, continue: true });
  if (entries.filter(({ logins }) => logins !== undefined).length > 1) wrong('may have one entry with logins');
  const windows = entries.filter(({ renewals }) => renewals !== undefined).map(({ per }) => per);
  if (new Set(windows).size < windows.length) wrong('has two entries with renewals and the same per');
});

const lifetime = seconds(1);
const LIFETIME_FORM = 'must be seconds, a duration such as "30s", "5m", "1h", or the {name} of a value';
const lifetimeOrName = z.union([lifetime, z.string().regex(NAME, LIFETIME_FORM)]);
/** Calls may go to hosts that an answer names, and requests too; nothing else may be reached with a credential. */
const hostPattern = z
  .string()
  .regex(
    /^(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d{1,5})?$/,
    'must be a host such as api.example.com, or *.example.com for all below it',
  );
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
  oauth: oauthSchema.optional().describe('How an OAuth 2.0 client gets its tokens, in place of login and refresh.'),
  make: makeSchema.optional(),
  login: listOf(loginCall)
    .optional()
    .describe('A call, or several in turn: later ones may use values of earlier ones.'),
  refresh: listOf(refreshCall).optional().describe('Without login: the first refresh token is imported.'),
  hosts: z
    .array(hostPattern)
    .min(1)
    .optional()
    .describe('Hosts that a call may go to whose URL begins with a value of an answer. HTTPS only.'),
  upstream: z
    .string()
    .regex(/^(https:\/\/|\{)[^?#\s]*$/, 'must be a URL such as "{instance}" or "https://{host}/api"')
    .refine((text) => /\{[A-Za-z]/.test(text), 'must contain a {name}; a fixed upstream belongs into the route')
    .optional()
    .describe("The upstream's URL, if an answer names it. It must match the pattern that is the route's upstream."),
  refused: z
    .array(refusedRule)
    .default([])
    .describe('Further rules for login and refresh: responses that mean that the credentials are wrong.'),
  busy: z
    .array(busyRule)
    .default([])
    .describe('Responses to login or refresh that mean: nothing was done, try again later. A 429 always means that.'),
  lifetime: lifetimeOrName
    .optional()
    .describe(
      'Lifetime of an access token if the response does not state one, and its upper limit if it does. ' +
        'Seconds, or a duration such as 30m, or a {name} that holds one.',
    ),
  idle: seconds(1)
    .optional()
    .describe('A token that has not been used for so long has ended: seconds, or a duration such as 30m.'),
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
  attach: attach.default([{ header: 'Authorization', value: 'Bearer {token}' }]),
  invalid: z
    .array(match)
    .default([])
    .describe('Responses that reject the token, sent before the upstream acted on the request.'),
  renew: z.enum(['early', 'on-demand']).default('early'),
  budget: budget.optional().describe('How many logins or renewals the vendor grants: one budget, or a list.'),
  legacyLogin: z.array(legacyLogin).default([]),
});

/** One API's flow, with all defaults filled in. Durations in seconds. */
export type Flow = z.infer<typeof flowSchema>;
/** A flow as it is written in a configuration or preset. */
export type FlowInput = z.input<typeof flowSchema>;

/** True for a flow that asks nobody for a token: it is a credential that `attach` names. */
export function isFixed(flow: Pick<Flow, 'login' | 'refresh' | 'oauth'>): boolean {
  return flow.login === undefined && flow.refresh === undefined && flow.oauth === undefined;
}

type Renewing = Pick<Flow, 'login' | 'refresh' | 'oauth'>;

/** Whether its accounts can log in; otherwise their first refresh token is imported, or a person consents. */
export function canLogin({ login, oauth }: Renewing): boolean {
  return login !== undefined || (oauth !== undefined && oauth.grant !== 'refresh_token');
}

/** Whether a refresh token can be spent. */
export function canRefresh({ refresh, oauth }: Renewing): boolean {
  return refresh !== undefined || oauth !== undefined;
}

export {
  attach as attachSchema,
  budget as budgetSchema,
  lifetime as lifetimeSchema,
  rotationGrace as rotationGraceSchema,
};
