import { z } from 'zod';
import { attachSchema, budgetSchema, lifetimeSchema, rotationGraceSchema } from '../../flows/flow.ts';
import { upstreamTls } from './upstream-tls.ts';
import { httpUrl, name } from './values.ts';

/** One account. */
export const accountSchema = z.strictObject({
  flow: z
    .string()
    .min(1)
    .describe(
      'A preset (softline, chatapp, twin, oauth2, oauth2-refresh, static), a name below flows, or a recipe ' +
        '(docs/recipes).',
    ),
  credentials: z.record(z.string(), z.unknown()).default({}),
  baseUrl: httpUrl.optional().describe("The base URL of login and refresh, instead of the flow's default."),
  attach: attachSchema.optional().describe('Overrides how the flow attaches the token.'),
  budget: budgetSchema.optional().describe("Overrides the flow's budgets of logins and renewals."),
  lifetime: lifetimeSchema.optional(),
  rotationGrace: rotationGraceSchema.optional(),
  renew: z.enum(['early', 'on-demand']).optional(),
  tls: upstreamTls.optional().describe('TLS to the token endpoint.'),
  formerName: name
    .optional()
    .describe("The account's former name: its stored token is taken over, so that renaming costs no login."),
});

/** Accounts by name. */
export const accountsSchema = z.record(name, accountSchema);
