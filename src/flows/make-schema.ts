import { z } from 'zod';
import { encodingName, hashName, keyEncodingName } from './digests.ts';
import { seconds } from './duration.ts';
import { jsonTemplate, textsOfTemplate, type JsonTemplate, type TextAt } from './json-template.ts';

/*
 * `make`: values that are computed before a call, such as a signed assertion. Each is a {name} of the call.
 */

const text = z.string().min(1);
const YEAR = 31_622_400;

const jwt = z
  .strictObject({
    alg: z.enum([
      ...(['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
      ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
    ]),
    key: text.describe('HS…: the shared secret. Otherwise the private key: PEM, or a JWK as JSON.'),
    keyEncoding: keyEncodingName.default('utf8').describe('How the key of an HS… algorithm is written.'),
    kid: z.string().optional().describe('Header parameter kid. Default: that of the JWK.'),
    type: z.string().default('JWT').describe('Header parameter typ.'),
    lifetime: seconds(1, YEAR)
      .default(300)
      .describe('From iat to exp: seconds, or a duration such as 5m. Both are added unless the claims have them.'),
    jti: z.boolean().default(false).describe('Add a new UUID as jti.'),
    claims: z.record(z.string(), jsonTemplate).default({}),
    headers: z
      .record(
        z.string().refine((name) => !/^(alg|b64|crit)$/.test(name), 'is set by tokenward itself'),
        jsonTemplate,
      )
      .default({})
      .describe('More header parameters.'),
    certificate: text.optional().describe('The certificate of the key as PEM: adds x5t and x5t#S256.'),
    x5c: z.boolean().default(false).describe('Add the certificates themselves as well.'),
  })
  .refine((value) => !value.x5c || value.certificate !== undefined, 'x5c needs a certificate');

export type MakeJwt = z.infer<typeof jwt>;

const hmac = z.strictObject({
  hash: hashName.default('sha256'),
  key: text,
  keyEncoding: keyEncodingName.default('utf8'),
  of: text.describe('What is signed.'),
  encoding: encodingName.default('hex'),
});

export type MakeHmac = z.infer<typeof hmac>;

const KINDS = ['jwt', 'hmac', 'hash', 'base64', 'base64url', 'uuid', 'time', 'random'] as const;

const made = z
  .strictObject({
    jwt: jwt.optional().describe('A signed JWT, such as a client assertion (RFC 7523).'),
    hmac: hmac.optional(),
    hash: hashName.optional().describe('A hash of `of`.'),
    of: text.optional(),
    encoding: encodingName.optional().describe('How the hash is written. Default: hex.'),
    base64: text.optional().describe('The text as base64.'),
    base64url: text.optional().describe('The text as base64url, without padding.'),
    uuid: z.enum(['v4']).optional(),
    time: z
      .enum(['unix', 'ms', 'iso', 'http'])
      .optional()
      .describe('Now: seconds or milliseconds since 1970, an ISO 8601 date, or an HTTP date.'),
    random: z.number().int().min(1).max(1024).optional().describe('So many random bytes as hex.'),
  })
  .refine(
    (value) => KINDS.filter((kind) => value[kind] !== undefined).length === 1,
    `takes exactly one of ${KINDS.join(', ')}`,
  )
  .refine((value) => (value.hash === undefined) === (value.of === undefined), 'hash and of go together')
  .refine((value) => value.encoding === undefined || value.hash !== undefined, 'encoding goes with hash');

export type Made = z.infer<typeof made>;

export const makeSchema = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'must be a name of letters, digits and "_", so that {name} can stand for it'),
    made,
  )
  .describe('Values that are computed before the call. Each is a {name} in it, and in later ones.');

export type Make = z.infer<typeof makeSchema>;

/** The texts of `make` that may contain placeholders, with their paths. */
export function textsOfMake(make: Make): TextAt[] {
  return Object.entries(make).flatMap(([name, { jwt: token, hmac: mac, of, base64, base64url }]) => {
    const texts: Record<string, JsonTemplate | undefined> = { of, base64, base64url };
    const ofToken: Record<string, JsonTemplate | undefined> =
      token === undefined
        ? {}
        : (({ key, kid, type, claims, headers, certificate }) => ({ key, kid, type, claims, headers, certificate }))(
            token,
          );
    return [
      ...textsBelow(texts, [name]),
      ...textsBelow(ofToken, [name, 'jwt']),
      ...textsBelow(mac === undefined ? {} : { key: mac.key, of: mac.of }, [name, 'hmac']),
    ];
  });
}

function textsBelow(texts: Readonly<Record<string, JsonTemplate | undefined>>, path: readonly PropertyKey[]): TextAt[] {
  return Object.entries(texts).flatMap(([key, value]) =>
    value === undefined ? [] : textsOfTemplate(value, [...path, key]),
  );
}
