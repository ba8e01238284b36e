import { z } from 'zod';
import { encodingName, hashName, keyEncodingName } from '../digests.ts';
import type { TextAt } from '../json-template.ts';
import { HMAC_NAMES } from './names.ts';

/*
 * `sign`: a signature of each request, instead of or beside a token. All texts may contain placeholders.
 */

const text = z.string().min(1);

const aws4 = z.strictObject({
  sign: z.literal('aws4').describe('AWS Signature Version 4.'),
  region: text,
  service: text.describe('The name by which the service is signed, such as s3 or execute-api.'),
  key: text.describe('The access key ID.'),
  secret: text.describe('The secret access key.'),
  sessionToken: text.optional(),
});

const oauth1 = z
  .strictObject({
    sign: z.literal('oauth1').describe('OAuth 1.0 (RFC 5849).'),
    method: z
      .enum(['HMAC-SHA1', 'HMAC-SHA256', 'HMAC-SHA512', 'RSA-SHA1', 'RSA-SHA256', 'PLAINTEXT'])
      .default('HMAC-SHA1'),
    consumerKey: text,
    consumerSecret: text.optional().describe('With an HMAC or PLAINTEXT.'),
    privateKey: text.optional().describe('With RSA: PEM, or a JWK as JSON.'),
    token: text.optional(),
    tokenSecret: text.optional(),
    realm: text.optional(),
    version: z.boolean().default(true).describe('Send oauth_version="1.0".'),
    bodyHash: z.boolean().default(false).describe('Send oauth_body_hash with content that is no form.'),
  })
  .refine(
    (value) => value.method.startsWith('RSA') === (value.privateKey !== undefined),
    'privateKey goes with RSA-SHA1 and RSA-SHA256, and they need it',
  )
  .refine(
    (value) => value.method.startsWith('RSA') || value.consumerSecret !== undefined,
    'consumerSecret is missing; it may be "{name?}" where it can be empty',
  );

/** RFC 9110 §5.6.2; without the fields that concern the connection or the content's length. */
const fieldName = z
  .string()
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be an HTTP header name')
  .refine(
    (name) => !/^(host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect)$/i.test(name),
    'is set by tokenward itself',
  );

const hashOfText = z.strictObject({
  hash: hashName.default('sha256'),
  of: text,
  encoding: z.enum([...encodingName.options, 'binary']).default('hex'),
});

const hmac = z
  .strictObject({
    sign: z.literal('hmac').describe('An HMAC of a text that this flow composes.'),
    hash: hashName.default('sha256'),
    key: text,
    keyEncoding: keyEncodingName.default('utf8'),
    of: text.describe(
      `What is signed. Besides the values of the flow there are {${HMAC_NAMES.join('}, {')}} of the request.`,
    ),
    encoding: encodingName.default('hex').describe('How {signature} is written.'),
    hashes: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'must be a name of letters, digits and "_"')
          .refine((name) => name !== 'signature' && !HMAC_NAMES.includes(name), 'is a value of the request already'),
        hashOfText,
      )
      .default({})
      .describe('Hashes of parts of the request. Each is a {name} in the texts of this signature.'),
    headers: z
      .record(fieldName, z.string().regex(/^[\t\x20-\x7e]*$/, 'must be ASCII, without control characters'))
      .default({})
      .describe('Header fields to add, such as X-Signature: "{signature}".'),
    query: z
      .record(z.string().min(1), z.string())
      .default({})
      .describe('Parameters to add to the query, such as signature: "{signature}".'),
  })
  .refine(
    (value) => [...Object.values(value.headers), ...Object.values(value.query)].some(holdsSignature),
    'needs {signature} in headers or query',
  )
  .refine(
    (value) => ![value.of, ...Object.values(value.hashes).map(({ of }) => of)].some(holdsSignature),
    'of cannot contain the signature itself',
  );

const digest = z.strictObject({
  sign: z.literal('digest').describe('HTTP Digest authentication (RFC 7616).'),
  user: text,
  password: text,
});

export const signSchema = z
  .discriminatedUnion('sign', [aws4, oauth1, hmac, digest])
  .describe('How each request is signed.');

export type Sign = z.infer<typeof signSchema>;
export type SignAws4 = z.infer<typeof aws4>;
export type SignOauth1 = z.infer<typeof oauth1>;
export type SignHmac = z.infer<typeof hmac>;
export type SignDigest = z.infer<typeof digest>;

/** True if a text contains the signature. */
export function holdsSignature(template: string): boolean {
  return /\{signature[?=}]/.test(template);
}

/** A text of a signature, and the names that it may use besides the values of the flow. */
export interface TextToSign {
  readonly at: TextAt;
  readonly names: readonly string[];
}

/** The texts of a signature that may contain placeholders. */
export function textsOfSign(config: Sign): TextToSign[] {
  const plain = (keys: Readonly<Record<string, string | undefined>>): TextToSign[] =>
    Object.entries(keys).flatMap(([key, value]) => (value === undefined ? [] : [{ at: [[key], value], names: [] }]));
  switch (config.sign) {
    case 'aws4': {
      const { region, service, key, secret, sessionToken } = config;
      return plain({ region, service, key, secret, sessionToken });
    }
    case 'oauth1': {
      const { consumerKey, consumerSecret, privateKey, token, tokenSecret, realm } = config;
      return plain({ consumerKey, consumerSecret, privateKey, token, tokenSecret, realm });
    }
    case 'digest':
      return plain({ user: config.user, password: config.password });
    case 'hmac': {
      const signed = [...HMAC_NAMES, ...Object.keys(config.hashes)];
      const attached = (key: 'headers' | 'query'): TextToSign[] =>
        Object.entries(config[key]).map(([name, value]) => ({
          at: [[key, name], value],
          names: [...signed, 'signature'],
        }));
      return [
        ...plain({ key: config.key }),
        { at: [['of'], config.of], names: signed },
        ...Object.entries(config.hashes).map(([name, { of }]): TextToSign => ({
          at: [['hashes', name, 'of'], of],
          names: HMAC_NAMES,
        })),
        ...attached('headers'),
        ...attached('query'),
      ];
    }
  }
}
