import type { JsonWebKey } from 'node:crypto';

export const SECRET = 'a-secret-of-at-least-32-characters';
export const PERSON = { username: 'somebody', password: 'their password' };

/** The realm whose refresh tokens are good once, and the one that takes each a second time. */
export const REALMS = { strict: 0, grace: 1 } as const;

/** A realm as Keycloak imports it. `reuse`: how often a spent refresh token is taken again. */
export function realm(name: string, reuse: number, publicKey: JsonWebKey): unknown {
  const client = (clientId: string, more: object): object => ({
    clientId,
    secret: SECRET,
    standardFlowEnabled: false,
    ...more,
  });
  const machine = { serviceAccountsEnabled: true };
  return {
    realm: name,
    enabled: true,
    sslRequired: 'none',
    revokeRefreshToken: true,
    refreshTokenMaxReuse: reuse,
    accessTokenLifespan: 600,
    eventsEnabled: true,
    eventsExpiration: 3_600,
    // By default it keeps no refreshes.
    enabledEventTypes: ['LOGIN', 'CLIENT_LOGIN', 'REFRESH_TOKEN'].flatMap((type) => [type, `${type}_ERROR`]),
    users: [
      {
        username: PERSON.username,
        enabled: true,
        email: 'somebody@example.com',
        emailVerified: true,
        firstName: 'Some',
        lastName: 'Body',
        credentials: [{ type: 'password', value: PERSON.password }],
      },
    ],
    clients: [
      client('refresh', { directAccessGrantsEnabled: true }),
      client('password', { directAccessGrantsEnabled: true }),
      client('machine', machine),
      client('signing', {
        ...machine,
        clientAuthenticatorType: 'client-jwt',
        attributes: {
          'use.jwks.string': 'true',
          'jwks.string': JSON.stringify({ keys: [{ ...publicKey, kid: 'ours', use: 'sig', alg: 'RS256' }] }),
          'token.endpoint.auth.signing.alg': 'RS256',
        },
      }),
      client('proving', { ...machine, attributes: { 'dpop.bound.access.tokens': 'true' } }),
      client('certified', {
        ...machine,
        clientAuthenticatorType: 'client-x509',
        attributes: {
          'x509.subjectdn': 'CN=tokenward',
          'x509.allow.regex.pattern.comparison': 'false',
          'tls.client.certificate.bound.access.tokens': 'true',
        },
      }),
    ],
  };
}
