import { z } from 'zod';
import { locator } from '../schema/rules.ts';

/*
 * `oauth`: how a flow gets its tokens from an OAuth 2.0 authorization server. Texts may contain `{name}`, `{name?}` and
 * `{name=default}`, as everywhere in a flow.
 */

const text = z.string().min(1);
const webUrl = z
  .string()
  .regex(/^(https?:\/\/|\{)[^#\s]*$/, 'must be a whole URL, or begin with the {name} of one, without #');

export const OAUTH_GRANTS = [
  'client_credentials',
  'refresh_token',
  'password',
  'jwt_bearer',
  'token_exchange',
] as const;
export type OauthGrant = (typeof OAUTH_GRANTS)[number];

/** How a client shows who it is, as a flow or account says it. */
export const OAUTH_CLIENT_AUTHS = [
  'auto',
  'post',
  'basic',
  'private_key_jwt',
  'client_secret_jwt',
  'tls',
  'none',
] as const;
export type OauthClientAuth = (typeof OAUTH_CLIENT_AUTHS)[number];

/** The algorithms of private keys (RFC 7518 §3.1; Ed25519 has two names, RFC 8037 §3.1 and RFC 9864 §2.2). */
export const KEY_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as const;

/** Parameters that tokenward sets itself, each by a key of its own. */
const SET_BY_TOKENWARD = /^(grant_type|client_id|client_secret|refresh_token|code|code_verifier|device_code)$/;
/** Values that a grant has anyway. */
const RESERVED_ANSWERS =
  /^(token|refreshToken|expiresIn|expiresAt|refreshExpiresIn|refreshExpiresAt|tokenType|dpopKey)$/;

export const oauthSchema = z
  .strictObject({
    grant: z
      .enum(OAUTH_GRANTS)
      .default('client_credentials')
      .describe(
        'How a login gets a token. refresh_token: with a refresh token that is imported, or brought by tokenward ' +
          'connect. Whatever it is, a refresh token that the server gives is used for the next renewal.',
      ),
    issuer: webUrl
      .optional()
      .describe(
        'The authorization server. Its endpoints are read from its metadata (openid-configuration or ' +
          'oauth-authorization-server).',
      ),
    tokenUrl: webUrl.optional().describe('The token endpoint, in place of issuer.'),
    authorizeUrl: webUrl
      .optional()
      .describe(
        'The authorization endpoint, where a person consents. May have a query. Default: as the metadata says.',
      ),
    deviceUrl: webUrl
      .optional()
      .describe('The device authorization endpoint (RFC 8628). Default: as the metadata says.'),
    redirectPort: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('The port on 127.0.0.1 to which the consent comes back. Default: a free one.'),
    redirectUri: z
      .string()
      .regex(/^([a-z][a-z0-9+.-]*:|\{)[^#\s]+$/i, 'must be a URI, or begin with the {name} of one, without #')
      .optional()
      .describe(
        'The redirect URI that the vendor has registered. One that does not lead to 127.0.0.1 or localhost is pasted ' +
          'by hand. Default: http://127.0.0.1:PORT/callback.',
      ),
    clientId: text.optional().describe('Default: {clientId}.'),
    clientSecret: text.optional().describe('Default: {clientSecret?}.'),
    clientAuth: text
      .default('auto')
      .refine(
        (value) => value.includes('{') || (OAUTH_CLIENT_AUTHS as readonly string[]).includes(value),
        `must be one of ${OAUTH_CLIENT_AUTHS.join(', ')}`,
      )
      .describe(
        'How the client shows who it is. post: client_id and client_secret in the form. basic: HTTP Basic. ' +
          'private_key_jwt: an assertion signed with key. client_secret_jwt: one signed with the secret. tls: the ' +
          'client certificate of the account. none: client_id only. auto: private_key_jwt with a key, none without ' +
          'a secret, otherwise what the metadata names, otherwise post, then basic if the endpoint responds with ' +
          'invalid_client; what worked is remembered.',
      ),
    key: text.optional().describe('The private key for private_key_jwt: PEM, or a JWK.'),
    kid: text.optional().describe("The key's id. Default: the JWK's."),
    alg: text
      .optional()
      .refine(
        (value) => value === undefined || value.includes('{') || (KEY_ALGORITHMS as readonly string[]).includes(value),
        `must be one of ${KEY_ALGORITHMS.join(', ')}`,
      )
      .describe("The signature's algorithm. Default: the JWK's, or RS256, ES256, ES384, ES512 or EdDSA, by the key."),
    certificate: text
      .optional()
      .describe('The certificate of key, as PEM: its thumbprints go into the assertion (x5t, x5t#S256).'),
    assertionAudience: text
      .optional()
      .describe('Whom a signed assertion is for (aud). Default: the issuer, or without one the token endpoint.'),
    scope: text.optional().describe('The requested scope. A refresh does not repeat it (RFC 6749 §6).'),
    audience: text.optional().describe('The parameter audience of a login.'),
    resource: z
      .union([text, z.array(text).min(1)])
      .optional()
      .describe('The API for which the token is (RFC 8707), or several of them.'),
    extra: z
      .record(
        text.refine((name) => !SET_BY_TOKENWARD.test(name), 'is set by tokenward itself'),
        z.string(),
      )
      .default({})
      .describe('Further parameters of every token request. Empty ones are left out.'),
    username: text.optional().describe('For the grant password. Default: {username}.'),
    password: text.optional().describe('For the grant password. Default: {password}.'),
    assertion: text.optional().describe('For the grant jwt_bearer (RFC 7523). Default: {assertion}.'),
    subjectToken: text.optional().describe('For the grant token_exchange (RFC 8693). Default: {subjectToken}.'),
    subjectTokenType: text
      .default('access_token')
      .describe('The last word of urn:ietf:params:oauth:token-type:…, or a whole URI.'),
    actorToken: text.optional(),
    actorTokenType: text.default('access_token'),
    requestedTokenType: text.optional(),
    dpop: z
      .boolean()
      .default(false)
      .describe('Binds tokens to a key that tokenward makes and keeps with them (RFC 9449).'),
    answer: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'must be a name of letters, digits and "_"')
          .refine((name) => !RESERVED_ANSWERS.test(name), 'is read anyway'),
        locator,
      )
      .default({})
      .describe('Further values to take from the response and keep with the token, such as host: /api_domain.'),
  })
  .refine(
    ({ issuer, tokenUrl }) => (issuer === undefined) !== (tokenUrl === undefined),
    'takes either issuer or tokenUrl',
  )
  .superRefine((value, context) => {
    for (const [name, grant] of GRANT_OF) {
      if (value[name] !== undefined && value.grant !== grant)
        context.addIssue({ code: 'custom', path: [name], message: `goes with grant: ${grant}` });
    }
    if (value.clientAuth === 'private_key_jwt' && value.key === undefined)
      context.addIssue({ code: 'custom', path: ['key'], message: 'private_key_jwt needs a key' });
  });

/** How a flow gets its tokens, with defaults filled in. */
export type Oauth = z.infer<typeof oauthSchema>;
export type OauthInput = z.input<typeof oauthSchema>;

/** Keys that only one grant reads. */
const GRANT_OF = [
  ['username', 'password'],
  ['password', 'password'],
  ['assertion', 'jwt_bearer'],
  ['subjectToken', 'token_exchange'],
  ['actorToken', 'token_exchange'],
  ['requestedTokenType', 'token_exchange'],
] as const;

/** A client that shows an assertion, or a person's password, may have no name of its own. */
const NAMELESS: readonly OauthGrant[] = ['password', 'jwt_bearer', 'token_exchange'];

/** Whether its client may do without a name. */
export function isNameless({ grant, clientAuth }: Oauth): boolean {
  return NAMELESS.includes(grant) && clientAuth !== 'none' && clientAuth !== 'tls';
}

/** The texts that stand where a flow says nothing. */
export function defaultTexts(oauth: Oauth): {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly username: string;
  readonly password: string;
  readonly assertion: string;
  readonly subjectToken: string;
} {
  return {
    clientId: oauth.clientId ?? (NAMELESS.includes(oauth.grant) ? '{clientId?}' : '{clientId}'),
    clientSecret: oauth.clientSecret ?? '{clientSecret?}',
    username: oauth.username ?? '{username}',
    password: oauth.password ?? '{password}',
    assertion: oauth.assertion ?? '{assertion}',
    subjectToken: oauth.subjectToken ?? '{subjectToken}',
  };
}

/**
 * Every text with placeholders that a login or refresh fills in, with its place, for the checks of a flow: the written
 * ones, and the defaults without which nothing can be sent.
 */
export function textsOfOauth(oauth: Oauth): [path: (string | number)[], text: string][] {
  const defaults = defaultTexts(oauth);
  const needed: readonly (keyof typeof defaults)[] = [
    ...(NAMELESS.includes(oauth.grant) ? [] : (['clientId'] as const)),
    ...(oauth.grant === 'password' ? (['username', 'password'] as const) : []),
    ...(oauth.grant === 'jwt_bearer' ? (['assertion'] as const) : []),
    ...(oauth.grant === 'token_exchange' ? (['subjectToken'] as const) : []),
  ];
  const { resource, extra, grant, dpop, answer, redirectPort, ...texts } = oauth;
  const all: [(string | number)[], string][] = Object.entries({
    ...Object.fromEntries(needed.map((name) => [name, defaults[name]])),
    ...texts,
  }).flatMap(([name, value]) => (value === undefined ? [] : [[[name], value] as [string[], string]]));
  if (typeof resource === 'string') all.push([['resource'], resource]);
  else resource?.forEach((value, index) => all.push([['resource', index], value]));
  for (const [name, value] of Object.entries(extra)) all.push([['extra', name], value]);
  return all;
}
