import { createPrivateKey, type KeyObject } from 'node:crypto';

/** RFC 7468 §10, RFC 8017 A.1.2 and RFC 5915: the labels of private keys that are not encrypted. */
const PRIVATE_KEYS = { 'PRIVATE KEY': 'pkcs8', 'RSA PRIVATE KEY': 'pkcs1', 'EC PRIVATE KEY': 'sec1' } as const;

/**
 * The private key in a text: PEM (PKCS#8, PKCS#1, SEC1), or a JWK as JSON. Undefined: there is none. Never throws, as
 * an error of the parser could quote the key.
 */
export function privateKeyOf(text: string): KeyObject | undefined {
  try {
    if (text.trimStart().startsWith('{')) return keyOfJwk(JSON.parse(text));
    for (const [label, type] of Object.entries(PRIVATE_KEYS)) {
      const [der] = pemBlocks(text, label);
      if (der !== undefined) return createPrivateKey({ key: der, format: 'der', type });
    }
  } catch {
    // Not a key.
  }
  return undefined;
}

/** `d`: without it, it is a public key. */
function keyOfJwk(jwk: unknown): KeyObject | undefined {
  return typeof jwk === 'object' && jwk !== null && 'd' in jwk
    ? createPrivateKey({ key: jwk as Record<string, string>, format: 'jwk' })
    : undefined;
}

/** The `kid` of a JWK. */
export function kidOf(text: string): string | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  const { kid } = JSON.parse(text) as { kid?: unknown };
  return typeof kid === 'string' ? kid : undefined;
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
