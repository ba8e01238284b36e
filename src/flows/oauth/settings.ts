import { parseUrl } from '../../parse-url.ts';
import { fillString, fillUrl, UnfitValueError, type TemplateValues } from '../template.ts';
import { defaultTexts, OAUTH_CLIENT_AUTHS, type Oauth, type OauthClientAuth, type OauthGrant } from './schema.ts';

/** `oauth` with an account's values filled in. Holds secrets. */
export interface OauthSettings {
  readonly grant: OauthGrant;
  /** Where the metadata is read; undefined: the token endpoint is configured. */
  readonly issuer: URL | undefined;
  readonly tokenUrl: URL | undefined;
  readonly authorizeUrl: URL | undefined;
  readonly deviceUrl: URL | undefined;
  /** Empty: the client has no name. */
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clientAuth: OauthClientAuth;
  readonly key: string;
  readonly alg: string;
  readonly kid: string;
  readonly certificate: string;
  readonly assertionAudience: string;
  readonly dpop: boolean;
  /** True: the configured URL is http://, so the server's endpoints may be as well. */
  readonly insecure: boolean;
}

/** Names and values of a form. */
export type Parameters = [name: string, value: string][];

/** Fills in what every request needs. Throws an UnfillableError. */
export function fillSettings(oauth: Oauth, values: TemplateValues): OauthSettings {
  const texts = defaultTexts(oauth);
  const fill = (text: string | undefined): string => (text === undefined ? '' : fillString(text, values));
  const clientAuth = fill(oauth.clientAuth) as OauthClientAuth;
  if (!OAUTH_CLIENT_AUTHS.includes(clientAuth))
    throw new UnfitValueError(`a client authenticates by one of ${OAUTH_CLIENT_AUTHS.join(', ')}`);
  const url = (name: 'issuer' | 'tokenUrl' | 'authorizeUrl' | 'deviceUrl'): URL | undefined => {
    const text = oauth[name];
    return text === undefined ? undefined : webUrl(name, fillUrl(text, values));
  };
  const [issuer, tokenUrl] = [url('issuer'), url('tokenUrl')];
  return {
    grant: oauth.grant,
    issuer,
    tokenUrl,
    authorizeUrl: url('authorizeUrl'),
    deviceUrl: url('deviceUrl'),
    clientId: fill(texts.clientId),
    clientSecret: fill(texts.clientSecret),
    clientAuth,
    key: fill(oauth.key),
    alg: fill(oauth.alg),
    kid: fill(oauth.kid),
    certificate: fill(oauth.certificate),
    assertionAudience: fill(oauth.assertionAudience),
    dpop: oauth.dpop,
    insecure: (issuer ?? tokenUrl)!.protocol === 'http:',
  };
}

function webUrl(name: string, text: string): URL {
  const url = parseUrl(text);
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new UnfitValueError(`${name} with the configured values is not an http:// or https:// URL`);
  return url;
}

/**
 * The parameters of a login or refresh beside the client's own, without empty ones. Throws an UnfillableError. A
 * refresh repeats neither scope nor audience: the server knows what was granted, and a person may have granted less
 * than was asked for.
 */
export function parametersOf(grant: OauthGrant, oauth: Oauth, values: TemplateValues): Parameters {
  const parameters: Parameters = Object.entries(oauth.extra);
  const add = (name: string, text: string | undefined): void => {
    if (text !== undefined) parameters.push([name, text]);
  };
  const texts = defaultTexts(oauth);
  const refresh = grant === 'refresh_token';
  if (refresh) add('refresh_token', '{refreshToken}');
  if (grant === 'password') {
    add('username', texts.username);
    add('password', texts.password);
  }
  if (grant === 'jwt_bearer') add('assertion', texts.assertion);
  if (grant === 'token_exchange') {
    add('subject_token', texts.subjectToken);
    add('actor_token', oauth.actorToken);
  }
  if (!refresh) {
    add('scope', oauth.scope);
    add('audience', oauth.audience);
  }
  return [...filled(parameters, values), ...typesOf(grant, oauth, values), ...resourcesOf(oauth, values)];
}

/** The parameters `resource` (RFC 8707), of logins and refreshes alike. */
export function resourcesOf({ resource = [] }: Oauth, values: TemplateValues): Parameters {
  const texts = typeof resource === 'string' ? [resource] : resource;
  return filled(
    texts.map((text) => ['resource', text]),
    values,
  );
}

/** What the token request after a consent carries beside the code. */
export function followUpOf(oauth: Oauth, values: TemplateValues): Parameters {
  return [...filled(Object.entries(oauth.extra), values), ...resourcesOf(oauth, values)];
}

export function filled(parameters: Readonly<Parameters>, values: TemplateValues): Parameters {
  return parameters.flatMap(([name, text]): Parameters => {
    const value = fillString(text, values);
    return value === '' ? [] : [[name, value]];
  });
}

function typesOf(grant: OauthGrant, oauth: Oauth, values: TemplateValues): Parameters {
  if (grant !== 'token_exchange') return [];
  const types: Parameters = [['subject_token_type', oauth.subjectTokenType]];
  if (oauth.actorToken !== undefined && fillString(oauth.actorToken, values) !== '')
    types.push(['actor_token_type', oauth.actorTokenType]);
  if (oauth.requestedTokenType !== undefined) types.push(['requested_token_type', oauth.requestedTokenType]);
  return filled(types, values).map(([name, value]) => [
    name,
    value.includes(':') ? value : `urn:ietf:params:oauth:token-type:${value}`,
  ]);
}

/** `grant_type` (RFC 6749 §4, RFC 7523 §2.1, RFC 8693 §2.1). */
export const GRANT_TYPES: Readonly<Record<OauthGrant, string>> = {
  client_credentials: 'client_credentials',
  refresh_token: 'refresh_token',
  password: 'password',
  jwt_bearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  token_exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
};

/** Those parameters that no text for people may quote. */
export function secretParameters(parameters: Readonly<Parameters>): TemplateValues {
  return Object.fromEntries(parameters.filter(([name]) => !/_type$|^(scope|audience|resource)$/.test(name)));
}
