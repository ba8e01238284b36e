import { z } from 'zod';
import { attachSchema, budgetSchema, lifetimeSchema, rotationGraceSchema } from '../../flows/flow.ts';
import { upstreamTls } from './upstream-tls.ts';
import { httpUrl, name } from './values.ts';

/** One account. */
export const accountSchema = z.strictObject({
  flow: z.string().min(1)
    .describe('A preset (softline, chatapp, twin, oauth2, oauth2-refresh, static) or a name below flows.'),
  credentials: z.record(z.string(), z.unknown()).default({}),
  baseUrl: httpUrl.optional().describe('Where login and refresh go, instead of the flow\'s default.'),
  attach: attachSchema.optional().describe('Overrides how the flow carries the token.'),
  budget: budgetSchema.optional().describe('Overrides the flow\'s login budget.'),
  lifetime: lifetimeSchema.optional(),
  rotationGrace: rotationGraceSchema.optional(),
  renew: z.enum(['early', 'on-demand']).optional(),
  tls: upstreamTls.optional().describe('For the token endpoint.'),
  formerName: name.optional()
    .describe('What the account was called before: its stored token is taken over instead of a login.'),
});

/** Accounts by name. */
export const accountsSchema = z.record(name, accountSchema);
