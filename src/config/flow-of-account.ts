import type { Flow } from '../flows/flow.ts';
import type { AccountConfig } from './schema.ts';

/** The flow with the account's overrides. */
export function flowOfAccount(flow: Flow, account: AccountConfig): Flow {
  const { baseUrl, attach, budget, lifetime, rotationGrace, renew } = account;
  return {
    ...flow,
    ...(baseUrl !== undefined && { baseUrl }),
    ...(attach !== undefined && { attach }),
    ...(budget !== undefined && { budget }),
    ...(lifetime !== undefined && { lifetime }),
    ...(rotationGrace !== undefined && { rotationGrace }),
    ...(renew !== undefined && { renew }),
  };
}
