import { genericTokenEndpointRequest } from 'oauth4webapi';
import type { TemplateValues } from '../template.ts';
import type { Oauth } from './schema.ts';
import { GRANT_TYPES, parametersOf, secretParameters } from './settings.ts';
import { openSession, orImpossible, tokenRequest, type OauthCaller, type OauthResult } from './token-call.ts';

export type { OauthCaller, OauthResult };

/**
 * Carries out one login or refresh of an `oauth` flow. Never rejects. `values`: the account's credentials, what `make`
 * has computed, for a refresh `refreshToken`, and `dpopKey` if the token has one.
 */
export function runOauth(
  kind: 'login' | 'refresh',
  oauth: Oauth,
  values: TemplateValues,
  caller: OauthCaller,
): Promise<OauthResult> {
  return orImpossible(async (progress) => {
    const grant = kind === 'refresh' ? 'refresh_token' : oauth.grant;
    const parameters = parametersOf(grant, oauth, values);
    const session = await openSession(oauth, values, caller, progress, secretParameters(parameters));
    if ('outcome' in session) return session;
    // RFC 8693 §2.2.1: an exchanged token that is no access token is of type N_A, and the flow says how it is attached.
    const type = oauth.dpop ? 'dpop' : grant === 'token_exchange' ? 'any' : 'bearer';
    return tokenRequest(session, grant === 'refresh_token', type, ({ server, client, authenticate, options }) =>
      genericTokenEndpointRequest(server, client, authenticate, GRANT_TYPES[grant], parameters, options),
    );
  });
}
