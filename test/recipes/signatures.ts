import { constants, createHash, createHmac, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { fill, type Check, type Look, type Seen, type Values } from './vendor.ts';

/*
 * Signatures as a server checks them, written from the standards and without the code under test.
 */

/** A key pair of an application, with its certificate. PEM. */
export interface AppKey {
  readonly key: string;
  readonly cert: string;
}

/** How far from now a signature may be dated. Seconds. */
const SKEW = 300;

/**
 * A JWT signed with the application's key. `claims`: all of them but iat, exp and jti; `lifetime`: the longest that the
 * vendor accepts, in seconds; `header`: parameters besides alg and typ.
 */
export function signedJwt(
  alg: 'RS256' | 'PS256',
  { cert }: AppKey,
  lifetime: number,
  claims: object,
  header: object = {},
): Extract<Check, (...given: never) => unknown> {
  return (found, values) => {
    const [first = '', second = '', signature = ''] = found.replace(/^Bearer /, '').split('.');
    const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
    const key = { key: createPublicKey(cert), ...(alg === 'PS256' && pss) };
    if (!verify('sha256', Buffer.from(`${first}.${second}`), key, Buffer.from(signature, 'base64url')))
      return 'the signature is wrong';
    const parts = [first, second].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object);
    const [foundHeader, { iat, exp, nbf = iat, jti: _, ...others }] = parts as [
      object,
      { iat: number; exp: number; nbf?: number; jti?: string },
    ];
    const filled = (value: object): object => JSON.parse(fill(JSON.stringify(value), values)) as object;
    const wantedHeader = filled({ alg, typ: 'JWT', ...header });
    if (!isDeepStrictEqual({ ...foundHeader }, { ...wantedHeader })) return `header ${JSON.stringify(foundHeader)}`;
    if (!isDeepStrictEqual({ ...others }, { ...filled(claims) })) return `claims ${JSON.stringify(others)}`;
    return nbf === iat && exp - iat <= lifetime && exp > Date.now() / 1000
      ? undefined
      : `it lives from ${iat} to ${exp}`;
  };
}

/** RFC 7515 §4.1.7 and §4.1.8. */
export function thumbprints({ cert }: AppKey): object {
  const der = new X509Certificate(cert).raw;
  const of = (hash: string): string => createHash(hash).update(der).digest('base64url');
  return { x5t: of('sha1'), 'x5t#S256': of('sha256') };
}

/** AWS Signature Version 4, of requests whose path needs no escapes. */
export const aws4: Look = (seen, values) => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      seen.headers.authorization ?? '',
    );
  if (match === null) return `Authorization ${seen.headers.authorization ?? ''}`;
  const [, id, day, region, service, signedHeaders = '', signature] = match as unknown as string[];
  if (id !== values['accessKeyId'] || region !== values['region'] || service !== values['service'])
    return 'it is signed for something else';
  const names = signedHeaders.split(';');
  if (!names.includes('host') || !names.includes('x-amz-date')) return `only ${signedHeaders} are signed`;
  const token = seen.headers['x-amz-security-token'];
  if (token !== values['sessionToken']) return 'without its session token';
  const date = String(seen.headers['x-amz-date']);
  const query = [...new URLSearchParams(seen.query)].map((pair) => pair.map(encodeURIComponent).join('=')).sort();
  const content = sha256(seen.body);
  const canonical = [
    seen.method,
    seen.path,
    query.join('&'),
    ...names.map((name) => `${name}:${String(seen.headers[name]).trim()}`),
    '',
    signedHeaders,
    seen.headers['x-amz-content-sha256'] ?? content,
  ].join('\n');
  if ((seen.headers['x-amz-content-sha256'] ?? content) !== content) return 'the hash of the content is wrong';
  const scope = `${day!}/${region!}/${service!}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = [day!, region!, service!, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${values['secretAccessKey'] ?? ''}`,
  );
  return hmac(key, toSign).toString('hex') === signature ? undefined : 'the signature is wrong';
};

/** OAuth 1.0 with HMAC-SHA256 (RFC 5849 §3.4). */
export const oauth1: Look = (seen, values) => {
  const encoded = (text: string): string =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  const fields = [...(seen.headers.authorization ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(
    ([, name, value]): [string, string] => [name!, decodeURIComponent(value!)],
  );
  const given = Object.fromEntries(fields);
  const wanted: Values = {
    realm: '<accountId>',
    oauth_consumer_key: '<consumerKey>',
    oauth_token: '<tokenId>',
    oauth_signature_method: 'HMAC-SHA256',
  };
  for (const [name, value] of Object.entries(wanted))
    if (given[name] !== fill(value, values)) return `${name} is ${given[name] ?? 'missing'}`;
  const pairs = [
    ...fields.filter(([name]) => name !== 'realm' && name !== 'oauth_signature'),
    ...new URLSearchParams(seen.query),
  ]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort();
  const base = [seen.method, `https://${seen.host}${seen.path}`, pairs.join('&')].map(encoded).join('&');
  const key = [values['consumerSecret'], values['tokenSecret']].map((secret) => encoded(secret ?? '')).join('&');
  const signature = createHmac('sha256', key).update(base).digest('base64');
  if (Math.abs(Number(given['oauth_timestamp']) - Date.now() / 1000) > SKEW) return 'it is too old';
  return given['oauth_signature'] === signature ? undefined : 'the signature is wrong';
};

/** Binance: HMAC-SHA256 of query and body, both without the signature. */
export const binance: Look = ({ query, body }: Seen, values) => {
  const at = query.lastIndexOf('&signature=');
  const wanted = createHmac('sha256', values['secretKey'] ?? '')
    .update(query.slice(0, at) + body)
    .digest('hex');
  if (query.slice(at) !== `&signature=${wanted}`) return 'the signature is wrong, or not the last parameter';
  const dated = Number(new URLSearchParams(query).get('timestamp'));
  return Math.abs(dated - Date.now()) < SKEW * 1000 ? undefined : 'it is too old';
};

/** Zadarma: base64 of the hex HMAC-SHA1 of path, sorted parameters and their MD5. */
export const zadarma: Look = ({ path, query, headers }: Seen, values) => {
  const sorted = query.split('&').sort().join('&');
  const md5 = createHash('md5').update(sorted).digest('hex');
  const hex = createHmac('sha1', values['secret'] ?? '')
    .update(`${path}${sorted}${md5}`)
    .digest('hex');
  const wanted = `${values['key'] ?? ''}:${Buffer.from(hex).toString('base64')}`;
  return headers.authorization === wanted ? undefined : `Authorization ${headers.authorization ?? ''}`;
};

/** Whether a text is the hash of another, in hex. */
export function hashDiffers(hash: 'md5' | 'sha1', found: string, of: string): string | undefined {
  return found === createHash(hash).update(of).digest('hex') ? undefined : `${found} is not the ${hash} expected`;
}
