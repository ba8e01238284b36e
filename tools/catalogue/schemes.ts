import { Draft, type Written } from './draft.ts';
import { isMapping, isText, mapping, UnclearError, type Scheme, type Way } from './entry.ts';

/*
 * How a scheme is written as a flow. Nothing here decides whether tokenward can do it: a scheme that tokenward does not
 * know is written as its users would try it (`sign: ntlm`), and the loader refuses it.
 */

type Writer = (draft: Draft, scheme: Scheme) => void;

const BEARER = { in: 'header', name: 'Authorization', prefix: 'Bearer' };

const WRITERS: Readonly<Record<string, Writer>> = {
  none: () => undefined,
  api_key: (draft, scheme) => draft.attach(carried(draft.credential('apiKey'), scheme)),
  app_token: (draft, scheme) => draft.attach(carried(draft.credential('appToken'), { name: 'App-Token', ...scheme })),
  bearer: (draft, scheme) => draft.attach(carried(draft.credential('fixedToken'), { ...BEARER, ...scheme })),
  basic: (draft) => draft.attach({ basic: `{${draft.credential('user')}}:{${draft.credential('password')}}` }),
  mutual_tls: (draft) => draft.presentCertificate(),
  oauth2_client_credentials: oauth('client_credentials'),
  oauth2_password: oauth('password'),
  // What a person's consent leaves behind is a refresh token: it is imported, or brought by `tokenward connect`.
  oauth2_code: oauth('refresh_token'),
  oauth2_device: oauth('refresh_token'),
  oauth2_refresh_token: oauth('refresh_token'),
  oauth2_implicit: oauth('implicit'),
  openid_connect: oauth('refresh_token'),
  token_exchange: oauth('token_exchange'),
  saml: oauth('saml2_bearer'),
  jwt_bearer(draft, scheme) {
    draft.make('assertion', { jwt: { alg: 'RS256', key: '{privateKey}', ...only(scheme, ['alg', 'claims', 'kid']) } });
    oauth('jwt_bearer')(draft, scheme);
  },
  jwt(draft, scheme) {
    draft.make('signedJwt', { jwt: { alg: 'RS256', key: '{privateKey}', ...only(scheme, ['alg', 'claims', 'kid']) } });
    draft.attach(carried('signedJwt', { ...BEARER, ...mapping(scheme['sent']) }));
  },
  two_step: (draft, scheme) => login(draft, scheme, { token: '/token' }, BEARER),
  session_cookie(draft, scheme) {
    const { cookie } = scheme;
    if (isText(cookie)) login(draft, scheme, { token: `cookie:${cookie}` }, { in: 'cookie', name: cookie });
    else login(draft, { attach: { cookies: '{token}' }, ...scheme }, { token: 'cookies' }, BEARER);
  },
  signature(draft, scheme) {
    const { kind, signature, ...fields } = scheme;
    if (!isText(signature)) throw new UnclearError(`${kind} needs the field signature, such as aws4 or hmac`);
    draft.attach({ sign: signature, ...SIGNATURE_TEXTS[signature], ...fields });
  },
  flow(draft, scheme) {
    if (!isMapping(scheme['flow'])) throw new UnclearError('flow needs the field flow: a flow of tokenward');
    draft.take(scheme['flow']);
  },
};

/** Kinds that are signatures of requests, by the name that `sign` has or would have for them. */
const SIGNATURES = ['aws4', 'oauth1', 'hmac', 'digest', 'ntlm', 'negotiate', 'hawk', 'ws_security', 'http_signature'];

/** What each signature needs where a catalogue does not say it. */
const SIGNATURE_TEXTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  aws4: { region: '{region}', service: '{service}', key: '{accessKeyId}', secret: '{secretAccessKey}' },
  oauth1: {
    consumerKey: '{consumerKey}',
    consumerSecret: '{consumerSecret?}',
    token: '{oauthToken?}',
    tokenSecret: '{oauthTokenSecret?}',
  },
  hmac: { key: '{secret}', of: '{method}{target}{body}', headers: { 'X-Signature': '{signature}' } },
  digest: { user: '{user}', password: '{password}' },
};

export const KINDS: readonly string[] = [...Object.keys(WRITERS), ...SIGNATURES];

/** The configuration for schemes that are needed all at once. Throws an UnclearError. */
export function configurationOf(way: Way): Written {
  const draft = new Draft();
  for (const scheme of way) write(draft, scheme);
  return draft.written();
}

function write(draft: Draft, scheme: Scheme): void {
  const writer = Object.hasOwn(WRITERS, scheme.kind) ? WRITERS[scheme.kind]! : undefined;
  if (writer !== undefined) writer(draft, scheme);
  else if (SIGNATURES.includes(scheme.kind))
    WRITERS['signature']!(draft, { ...scheme, kind: 'signature', signature: scheme.kind });
  else throw new UnclearError(`the kind ${JSON.stringify(scheme.kind).slice(0, 60)} is not known here`);
}

/** The place of `attach` that carries a value: a field of the request, with or without a word before the value. */
function carried(value: string, place: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { in: where = 'header', name, prefix } = place;
  const text = isText(prefix) ? `${prefix} {${value}}` : `{${value}}`;
  switch (where) {
    case 'path':
      return { path: isText(prefix) ? `/${prefix}{${value}}` : `/{${value}}` };
    case 'json':
      return { json: isText(name) && !name.startsWith('/') ? `/${name}` : name, value: text };
    default:
      if (!isText(name)) throw new UnclearError('the name of the field that carries it is missing');
      // A place that is unknown is left as it is: the loader says so.
      return { [typeof where === 'string' ? where : 'place']: name, value: text };
  }
}

function oauth(grant: string): Writer {
  return (draft, scheme) => {
    const { tokenUrl, issuer, sent } = scheme;
    const endpoint = isText(issuer) ? { issuer } : { tokenUrl: isText(tokenUrl) ? tokenUrl : '{tokenUrl}' };
    const settings = ['clientAuth', 'scope', 'audience', 'authorizeUrl', 'deviceUrl', 'dpop', 'extra', 'resource'];
    draft.set('oauth', { grant, ...endpoint, ...only(scheme, settings), ...clientKey(scheme) });
    draft.attach(carried('token', { ...BEARER, ...mapping(sent) }));
  };
}

function clientKey({ clientAuth }: Scheme): Record<string, unknown> {
  return clientAuth === 'private_key_jwt' ? { key: '{privateKey}' } : {};
}

const CALL = ['method', 'url', 'query', 'headers', 'basic', 'client', 'json', 'form', 'xml', 'make'];

/** Calls in turn, or one; what the catalogue does not say is what most APIs have. */
function login(
  draft: Draft,
  scheme: Readonly<Record<string, unknown>>,
  found: Readonly<Record<string, string>>,
  sent: Readonly<Record<string, unknown>>,
): void {
  const places = { ...found, ...only(scheme, ['token', 'refreshToken', 'expiresIn', 'expiresAt']) };
  const given = scheme['login'];
  if (Array.isArray(given)) given.forEach((call: unknown) => draft.call('login', call));
  else draft.call('login', isMapping(given) ? given : oneCall(scheme, places));
  const { refresh } = scheme;
  if (refresh !== undefined)
    for (const call of Array.isArray(refresh) ? (refresh as unknown[]) : [refresh]) draft.call('refresh', call);
  for (const key of ['hosts', 'upstream', 'baseUrl']) if (scheme[key] !== undefined) draft.set(key, scheme[key]);
  const attach = scheme['attach'];
  if (attach === undefined) draft.attach(carried('token', { ...sent, ...mapping(scheme['sent']) }));
  else for (const part of Array.isArray(attach) ? (attach as unknown[]) : [attach]) draft.attach(part);
}

function oneCall(
  scheme: Readonly<Record<string, unknown>>,
  answer: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const call = only(scheme, CALL);
  const shows = ['query', 'headers', 'basic', 'client', 'json', 'form', 'xml'].some((key) => call[key] !== undefined);
  const asks = shows || /[{?]/.test(typeof call['url'] === 'string' ? call['url'] : '');
  return { url: '/login', ...call, ...(asks ? {} : { json: { user: '{user}', password: '{password}' } }), answer };
}

function only(from: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(from).filter(([key, value]) => keys.includes(key) && value !== undefined));
}
