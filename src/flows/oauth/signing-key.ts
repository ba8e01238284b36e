import { createPrivateKey, webcrypto, type JsonWebKey, type KeyObject } from 'node:crypto';
import { parseJson } from '../content.ts';
import { UnfitValueError } from '../template.ts';
import { KEY_ALGORITHMS } from './schema.ts';

/** The key of a client that signs its assertions (RFC 7523). */
export interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  readonly alg: string;
  readonly kid: string | undefined;
}

const CURVES: Readonly<Record<string, readonly [alg: string, curve: string]>> = {
  prime256v1: ['ES256', 'P-256'],
  secp384r1: ['ES384', 'P-384'],
  secp521r1: ['ES512', 'P-521'],
};

/**
 * Reads a private key: PEM (PKCS #8, PKCS #1, SEC 1), also in one line with `\n` between, or a JWK. `alg` and `kid`:
 * empty if the configuration does not say. Throws an UnfitValueError, which repeats nothing of the key.
 */
export async function readSigningKey(text: string, alg: string, kid: string): Promise<SigningKey> {
  const jwk = text.trim().startsWith('{') ? (parseJson(text.trim()) as JsonWebKey | undefined) : undefined;
  let key: KeyObject;
  try {
    key =
      jwk === undefined
        ? createPrivateKey(text.replaceAll('\\n', '\n'))
        : createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    throw new UnfitValueError('key is not a private key in PEM without a passphrase, or a JWK');
  }
  const chosen = alg !== '' ? alg : typeof jwk?.['alg'] === 'string' ? jwk['alg'] : algorithmOf(key);
  const named = kid !== '' ? kid : jwk?.['kid'];
  return {
    key: await imported(key, chosen),
    alg: chosen,
    kid: typeof named === 'string' && named !== '' ? named : undefined,
  };
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  return CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']?.[0] ?? '';
}

async function imported(key: KeyObject, alg: string): Promise<webcrypto.CryptoKey> {
  if (!(KEY_ALGORITHMS as readonly string[]).includes(alg))
    throw new UnfitValueError(`the key needs an alg, one of ${KEY_ALGORITHMS.join(', ')}`);
  const { modulusLength = 2048 } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < 2048) throw new UnfitValueError('key has less than 2048 bits');
  try {
    return await webcrypto.subtle.importKey(
      'pkcs8',
      key.export({ format: 'der', type: 'pkcs8' }),
      subtleOf(alg),
      false,
      ['sign'],
    );
  } catch {
    throw new UnfitValueError(`key cannot sign with ${alg}`);
  }
}

function subtleOf(alg: string): webcrypto.RsaHashedImportParams | webcrypto.EcKeyImportParams | { name: string } {
  const hash = `SHA-${alg.slice(2)}`;
  switch (alg.slice(0, 2)) {
    case 'RS':
      return { name: 'RSASSA-PKCS1-v1_5', hash };
    case 'PS':
      return { name: 'RSA-PSS', hash };
    case 'ES':
      return { name: 'ECDSA', namedCurve: Object.values(CURVES).find(([name]) => name === alg)![1] };
    default:
      return { name: 'Ed25519' };
  }
}
