import { attachable, attachedName } from '../flows/attach.ts';
import { isFixed, type Flow } from '../flows/flow.ts';
import type { Say } from './mistakes.ts';
import type { AccountConfig } from './schema.ts';

/** Warns of fixed tokens that cannot travel as their account wants them to: every call with one would be answered with an error of ours. */
export function warnOfUnfitTokens(accounts: Readonly<Record<string, AccountConfig>>, flowOf: ReadonlyMap<string, Flow>, say: Say): void {
  for (const [account, { credentials }] of Object.entries(accounts)) {
    const flow = flowOf.get(account)!;
    const name = isFixed(flow) ? attachedName(flow.attach) : undefined;
    if (name === undefined || attachable(flow.attach, String(credentials[name]))) continue;
    say(['accounts', account, 'credentials', name], `holds characters that a ${'cookie' in flow.attach ? 'cookie' : 'header'} cannot carry, so no call can be made with it`);
  }
}
