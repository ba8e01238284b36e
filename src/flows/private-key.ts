import { createHash, createPrivateKey, X509Certificate, type JsonWebKey, type KeyObject } from 'node:crypto';

/** RFC 7468 §10, RFC 8017 A.1.2 and RFC 5915: the labels of private keys that are not encrypted. */
const PRIVATE_KEYS = { 'PRIVATE KEY': 'pkcs8', 'RSA PRIVATE KEY': 'pkcs1', 'EC PRIVATE KEY': 'sec1' } as const;

/** The curve of each algorithm, as node:crypto calls it (RFC 7518 §3.4). */
export const CURVES: Readonly<Record<string, string>> = {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
};
/** RFC 7518 §3.3. */
export const MIN_RSA_BITS = 2048;

/** A private key, and what a JWK says of it besides. */
export interface PrivateKey {
  readonly key: KeyObject;
  readonly alg: string | undefined;
  readonly kid: string | undefined;
}

/**
 * The private key in a text: PEM (PKCS#8, PKCS#1, SEC1), or a JWK as JSON. Undefined: there is none. Never throws, as
 * an error of the parser could quote the key.
 */
export function readPrivateKey(text: string): PrivateKey | undefined {
  try {
    if (text.trimStart().startsWith('{')) return readJwk(JSON.parse(text));
    for (const [label, type] of Object.entries(PRIVATE_KEYS)) {
      const [der] = pemBlocks(text, label);
      if (der !== undefined)
        return { key: createPrivateKey({ key: der, format: 'der', type }), alg: undefined, kid: undefined };
    }
  } catch {
    // Not a key.
  }
  return undefined;
}

/** `d`: without it, it is a public key. */
function readJwk(jwk: unknown): PrivateKey | undefined {
  if (typeof jwk !== 'object' || jwk === null || !('d' in jwk)) return undefined;
  const members = jwk as Readonly<Record<string, unknown>>;
  const member = (name: string): string | undefined => {
    const value = members[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const key = createPrivateKey({ key: members as JsonWebKey, format: 'jwk' });
  return { key, alg: member('alg'), kid: member('kid') };
}

/**
 * The contents of the PEM blocks with this label. Line breaks may be missing or written as \n: environment variables
 * and secret managers do that to a PEM.
 */
export function pemBlocks(text: string, label: string): Buffer[] {
  const begin = `-----BEGIN ${label}-----`;
  return text
    .split(begin)
    .slice(1)
    .flatMap((rest) => {
      const end = rest.indexOf(`-----END ${label}-----`);
      const base64 = end === -1 ? '' : rest.slice(0, end).replaceAll(/\\[rn]|\s/g, '');
      return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? [Buffer.from(base64, 'base64')] : [];
    });
}

/** The certificate of a key, as a JWT names it (RFC 7515 §4.1.6 to §4.1.8). */
export interface CertificateHeader {
  readonly x5t: string;
  readonly 'x5t#S256': string;
  readonly x5c: readonly string[];
}

/** The header parameters of a certificate in PEM; or why there are none. `key`: a shared secret fits all. */
export function certificateHeader(
  text: string,
  key: KeyObject | undefined,
): CertificateHeader | 'no certificate' | 'another key' {
  const chain = pemBlocks(text, 'CERTIFICATE');
  const [own] = chain;
  const parsed = own === undefined ? undefined : certificateIn(own);
  if (own === undefined || parsed === undefined) return 'no certificate';
  if (key !== undefined && !parsed.checkPrivateKey(key)) return 'another key';
  const thumbprint = (hash: string): string => createHash(hash).update(own).digest('base64url');
  return {
    x5t: thumbprint('sha1'),
    'x5t#S256': thumbprint('sha256'),
    x5c: chain.map((der) => der.toString('base64')),
  };
}

function certificateIn(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}
