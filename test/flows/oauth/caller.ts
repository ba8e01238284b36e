import { tokenCallSender } from '../../../src/app/token-endpoint-client.ts';
import { OauthMemory } from '../../../src/flows/oauth/memory.ts';
import { runOauth, type OauthCaller, type OauthResult } from '../../../src/flows/oauth/run-oauth.ts';
import { oauthSchema, type OauthInput } from '../../../src/flows/oauth/schema.ts';

/** A process's requests to authorization servers, by the product's own sender. */
export function newCaller(more: Partial<OauthCaller> = {}): OauthCaller {
  return { send: tokenCallSender({}, () => ''), now: Date.now, memory: new OauthMemory(), ...more };
}

/** One login of a flow as it would be written. */
export function login(
  oauth: OauthInput,
  values: Record<string, unknown> = {},
  caller: OauthCaller = newCaller(),
): Promise<OauthResult> {
  return runOauth('login', oauthSchema.parse(oauth), values, caller);
}

export function refresh(
  oauth: OauthInput,
  values: Record<string, unknown> = {},
  caller: OauthCaller = newCaller(),
): Promise<OauthResult> {
  return runOauth('refresh', oauthSchema.parse(oauth), values, caller);
}

/** The outcome's kind, and what a person reads of it. */
export function shown({ outcome }: OauthResult): string {
  switch (outcome.kind) {
    case 'granted':
      return 'granted';
    case 'failed':
      return `failed (${outcome.reason}, ${outcome.reach}${outcome.maybeSpent ? ', maybe spent' : ''}): ${outcome.detail ?? ''}`;
    default:
      return `${outcome.kind}: ${outcome.reason}`;
  }
}
