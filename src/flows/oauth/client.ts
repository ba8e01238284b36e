import {
  ClientSecretJwt,
  ClientSecretPost,
  clockSkew,
  modifyAssertion,
  PrivateKeyJwt,
  type AuthorizationServer,
  type Client,
  type ClientAuth as Authenticate,
  type ModifyAssertionFunction,
} from 'oauth4webapi';
import { clientBasic } from '../client-auth.ts';
import { UnfitValueError } from '../template.ts';
import type { OauthClientAuth } from './schema.ts';
import type { OauthSettings } from './settings.ts';
import { readSigningKey } from './signing-key.ts';

/** One way in which a client shows who it is. */
export type ClientWay = Exclude<OauthClientAuth, 'auto'>;

/** The names of RFC 8414 for the ways that need a secret. */
const WAYS: Readonly<Record<string, 'post' | 'basic' | 'client_secret_jwt'>> = {
  client_secret_post: 'post',
  client_secret_basic: 'basic',
  client_secret_jwt: 'client_secret_jwt',
};
/**
 * Clocks that differ by less are not corrected, so an assertion begins to be good so long before it is made. seconds.
 */
const ASSERTION_LEAD = 10;

/**
 * The ways to try: the second one only after `invalid_client`. Metadata says what a server supports, not what it
 * expects of this client, so of a form and Basic the other one is tried as well.
 */
export function clientWays(settings: OauthSettings, server: AuthorizationServer): readonly ClientWay[] {
  if (settings.clientAuth !== 'auto') return [settings.clientAuth];
  if (settings.key !== '') return ['private_key_jwt'];
  if (settings.clientSecret === '') return ['none'];
  const supported: unknown = server.token_endpoint_auth_methods_supported;
  const ways = (Array.isArray(supported) ? (supported as unknown[]) : []).flatMap((name) =>
    typeof name === 'string' && Object.hasOwn(WAYS, name) ? [WAYS[name]!] : [],
  );
  const plain = ways.filter((way) => way !== 'client_secret_jwt');
  if (plain.length > 0) return [...new Set(plain)].slice(0, 2);
  return ways.length > 0 ? ['client_secret_jwt'] : ['post', 'basic'];
}

/** The client as oauth4webapi sees it. `ahead`: by how much the endpoint's clock is ahead of the system's, in ms. */
export function clientOf(settings: OauthSettings, way: ClientWay, ahead: number): Client {
  return {
    // The library wants a name; whether it is sent is decided by `authenticate`.
    client_id: settings.clientId === '' ? '-' : settings.clientId,
    [clockSkew]: Math.round(ahead / 1000),
    ...(way === 'tls' && { use_mtls_endpoint_aliases: true }),
  };
}

/** Puts the client's authentication into a request. Throws an UnfillableError. */
export async function authenticator(
  way: ClientWay,
  settings: OauthSettings,
  server: AuthorizationServer,
): Promise<Authenticate> {
  const { clientId, clientSecret } = settings;
  if (way === 'tls' || way === 'none') {
    return (_server, _client, body) => {
      if (clientId !== '') body.set('client_id', clientId);
    };
  }
  if (clientId === '') throw new UnfitValueError('no value for clientId');
  if (way === 'private_key_jwt') {
    if (settings.key === '') throw new UnfitValueError('no value for key');
    const { key, alg, kid, certificateHeader } = await readSigningKey(settings);
    return PrivateKeyJwt(kid === undefined ? key : { key, kid }, {
      [modifyAssertion]: (header, payload) => {
        // The library writes Ed25519, which few servers know.
        Object.assign(header, certificateHeader, { alg });
        adapt(settings, server)(header, payload);
      },
    });
  }
  if (clientSecret === '') throw new UnfitValueError('no value for clientSecret');
  if (way === 'client_secret_jwt') return ClientSecretJwt(clientSecret, { [modifyAssertion]: adapt(settings, server) });
  if (way === 'post') return ClientSecretPost(clientSecret);
  // Not the library's: it encodes "-", "." and "_" too, and servers that do not decode them refuse the client.
  return (_server, _client, _body, headers) =>
    headers.set('authorization', clientBasic({ id: clientId, secret: clientSecret, auth: 'basic' }));
}

function adapt(settings: OauthSettings, server: AuthorizationServer): ModifyAssertionFunction {
  return (_header, payload) => {
    if (settings.assertionAudience !== '') payload['aud'] = settings.assertionAudience;
    // RFC 7523 §3: without metadata nobody has told the issuer's name.
    else if (settings.issuer === undefined) payload['aud'] = server.token_endpoint!;
    const made = Number(payload['iat']);
    payload['iat'] = made - ASSERTION_LEAD;
    payload['nbf'] = made - ASSERTION_LEAD;
  };
}
