import { randomBytes, randomUUID, type KeyObject } from 'node:crypto';
import { encoded, hashOf, hmacOf, keyBytes, type KeyEncodingName } from './digests.ts';
import type { Make, Made, MakeHmac, MakeJwt } from './make-schema.ts';
import { certificateHeader, CURVES, MIN_RSA_BITS, readPrivateKey, type PrivateKey } from './private-key.ts';
import { fillString, fillValue, MissingValueError, UnfillableError, type TemplateValues } from './template.ts';

/**
 * Computes the values of a `make` block. `values`: credentials and earlier answers; the values of one block do not see
 * each other. `now`: wall clock, ms. Rejects with an UnfillableError that names the made value and repeats no secret.
 */
export async function makeValues(make: Make, values: TemplateValues, now: number): Promise<Record<string, string>> {
  const made: [string, string][] = [];
  for (const [name, one] of Object.entries(make)) made.push([name, await makeOne(one, `make.${name}`, values, now)]);
  return Object.fromEntries(made);
}

async function makeOne(one: Made, at: string, values: TemplateValues, now: number): Promise<string> {
  if (one.jwt !== undefined) return await signedJwt(one.jwt, `${at}.jwt`, values, now);
  if (one.hmac !== undefined) return hmac(one.hmac, `${at}.hmac`, values);
  if (one.hash !== undefined)
    return encoded(hashOf(one.hash, filled(one.of ?? '', `${at}.of`, values)), one.encoding ?? 'hex');
  if (one.base64 !== undefined) return Buffer.from(filled(one.base64, `${at}.base64`, values)).toString('base64');
  if (one.base64url !== undefined)
    return Buffer.from(filled(one.base64url, `${at}.base64url`, values)).toString('base64url');
  if (one.time !== undefined) return timeAs(one.time, now);
  if (one.random !== undefined) return randomBytes(one.random).toString('hex');
  return randomUUID();
}

/**
 * Checks the key of a JWT or an HMAC without signing, and the certificate with it, if there is one. Throws an
 * UnfillableError that repeats no secret.
 */
export function checkKeyOf(
  { jwt, hmac: mac }: Made,
  certificate: string | undefined,
  at: string,
  values: TemplateValues,
): void {
  if (jwt === undefined) {
    if (mac !== undefined) secretKey(filled(mac.key, `${at}.key`, values), mac.keyEncoding, `${at}.key`);
    return;
  }
  const { key } = keyOf(jwt, at, values);
  if (certificate !== undefined) certificateOf({ ...jwt, certificate }, key, at, values);
}

/** `kid`: the id that a JWK gives its key. */
function keyOf(
  { alg, key, keyEncoding }: MakeJwt,
  at: string,
  values: TemplateValues,
): { readonly key: KeyObject | Buffer; readonly kid: string | undefined } {
  const text = filled(key, `${at}.key`, values);
  if (alg.startsWith('HS')) return { key: secretKey(text, keyEncoding, `${at}.key`), kid: undefined };
  return privateKeyFor(alg, text, `${at}.key`);
}

function timeAs(form: NonNullable<Made['time']>, now: number): string {
  switch (form) {
    case 'unix':
      return String(Math.floor(now / 1000));
    case 'ms':
      return String(Math.floor(now));
    case 'iso':
      return new Date(now).toISOString();
    case 'http':
      return new Date(now).toUTCString();
  }
}

function hmac({ hash, key, keyEncoding, of, encoding }: MakeHmac, at: string, values: TemplateValues): string {
  const bytes = secretKey(filled(key, `${at}.key`, values), keyEncoding, `${at}.key`);
  return encoded(hmacOf(hash, bytes, filled(of, `${at}.of`, values)), encoding);
}

async function signedJwt(config: MakeJwt, at: string, values: TemplateValues, now: number): Promise<string> {
  const { alg } = config;
  const { key, kid: keysKid } = keyOf(config, at, values);
  const issuedAt = Math.floor(now / 1000);
  const kid = filled(config.kid ?? '', `${at}.kid`, values);
  const type = filled(config.type, `${at}.type`, values);
  const ownKid = kid === '' ? keysKid : kid;
  const header = {
    alg,
    ...(type !== '' && { typ: type }),
    ...(ownKid !== undefined && { kid: ownKid }),
    ...(config.certificate !== undefined && certificateOf(config, key, at, values)),
    ...mapping(config.headers, `${at}.headers`, values),
  };
  const claims = {
    iat: issuedAt,
    exp: issuedAt + Math.ceil(config.lifetime),
    ...(config.jti && { jti: randomUUID() }),
    ...mapping(config.claims, `${at}.claims`, values),
  };
  const { SignJWT } = await import('jose');
  try {
    return await new SignJWT(claims).setProtectedHeader(header).sign(key);
  } catch {
    // The library's own text could quote what it was given.
    throw new UnfillableError(`${at} cannot be signed with this key`);
  }
}

function certificateOf(
  { certificate, x5c }: MakeJwt,
  key: KeyObject | Buffer,
  at: string,
  values: TemplateValues,
): Record<string, unknown> {
  const text = filled(certificate ?? '', `${at}.certificate`, values);
  const header = certificateHeader(text, Buffer.isBuffer(key) ? undefined : key);
  if (header === 'no certificate') throw new UnfillableError(`${at}.certificate is no certificate`);
  if (header === 'another key') throw new UnfillableError(`${at}.certificate belongs to another key than ${at}.key`);
  const { x5c: chain, ...thumbprints } = header;
  return { ...thumbprints, ...(x5c && { x5c: chain }) };
}

/** The private key for an algorithm. Checked here, because the library finds a wrong kind by an error of its own. */
function privateKeyFor(alg: string, text: string, at: string): PrivateKey {
  const read = readPrivateKey(text);
  const curve = CURVES[alg];
  const { namedCurve, modulusLength = 0 } = read?.key.asymmetricKeyDetails ?? {};
  const kind = curve !== undefined ? 'ec' : alg === 'EdDSA' ? 'ed25519' : 'rsa';
  if (read?.key.asymmetricKeyType !== kind || (kind === 'ec' && namedCurve !== curve))
    throw new UnfillableError(`${at} is no private key for ${alg}`);
  if (kind === 'rsa' && modulusLength < MIN_RSA_BITS)
    throw new UnfillableError(`${at} is shorter than the ${MIN_RSA_BITS} bits that ${alg} needs`);
  return read;
}

function secretKey(text: string, encoding: KeyEncodingName, at: string): Buffer {
  if (text === '') throw new UnfillableError(`${at} is empty`);
  const bytes = keyBytes(text, encoding);
  if (bytes === undefined) throw new UnfillableError(`${at} is not written as ${encoding}`);
  return bytes;
}

function filled(template: string, at: string, values: TemplateValues): string {
  return naming(at, () => fillString(template, values));
}

function mapping(template: MakeJwt['claims'], at: string, values: TemplateValues): Record<string, unknown> {
  return naming(at, () => fillValue(template, values)) as Record<string, unknown>;
}

/** The placeholder alone does not say where it stands. */
function naming<T>(at: string, fill: () => T): T {
  try {
    return fill();
  } catch (error) {
    throw error instanceof MissingValueError ? new MissingValueError(`${at}: ${error.message}`) : error;
  }
}
