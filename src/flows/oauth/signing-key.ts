import { webcrypto, type KeyObject } from 'node:crypto';
import { certificateHeader, CURVES, MIN_RSA_BITS, readPrivateKey } from '../private-key.ts';
import { UnfitValueError } from '../template.ts';
import { KEY_ALGORITHMS } from './schema.ts';
import type { OauthSettings } from './settings.ts';

/** The key of a client that signs its assertions (RFC 7523). */
export interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  readonly alg: string;
  readonly kid: string | undefined;
  /** What names its certificate, as header parameters; none without a certificate. */
  readonly certificateHeader: Readonly<Record<string, string>>;
}

/** The names of WebCrypto. */
const WEB_CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** The settings that say which key it is. */
export type KeySettings = Pick<OauthSettings, 'key' | 'alg' | 'kid' | 'certificate'>;

/**
 * Reads a private key as an authenticating client needs it. Throws an UnfitValueError, which repeats nothing of the
 * key.
 */
export async function readSigningKey(settings: KeySettings): Promise<SigningKey> {
  const { key, ...rest } = checkedKey(settings);
  return { key: await imported(key, rest.alg), ...rest };
}

/** The same without the library's form of the key, so that a mistake is found at load. */
export function checkSigningKey(settings: KeySettings): void {
  checkedKey(settings);
}

function checkedKey({
  key: text,
  alg,
  kid,
  certificate,
}: KeySettings): Omit<SigningKey, 'key'> & { readonly key: KeyObject } {
  const read = readPrivateKey(text);
  if (read === undefined) throw new UnfitValueError('key is not a private key in PEM without a passphrase, or a JWK');
  const chosen = alg !== '' ? alg : (read.alg ?? algorithmOf(read.key));
  if (!(KEY_ALGORITHMS as readonly string[]).includes(chosen))
    throw new UnfitValueError(`the key needs an alg, one of ${KEY_ALGORITHMS.join(', ')}`);
  if (!fits(read.key, chosen)) throw new UnfitValueError(`key cannot sign with ${chosen}`);
  const { modulusLength = MIN_RSA_BITS } = read.key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_RSA_BITS) throw new UnfitValueError(`key has less than ${MIN_RSA_BITS} bits`);
  return {
    key: read.key,
    alg: chosen,
    kid: kid !== '' ? kid : read.kid,
    certificateHeader: certificate === '' ? {} : headerOf(certificate, read.key),
  };
}

function fits({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject, alg: string): boolean {
  const curve = CURVES[alg];
  if (curve !== undefined) return type === 'ec' && details?.namedCurve === curve;
  return type === (alg.startsWith('Ed') ? 'ed25519' : 'rsa');
}

function headerOf(certificate: string, key: KeyObject): Record<string, string> {
  const header = certificateHeader(certificate, key);
  if (header === 'no certificate') throw new UnfitValueError('certificate is not a certificate in PEM');
  if (header === 'another key') throw new UnfitValueError('certificate belongs to another key');
  // Entra, for which this is, demands the type as well.
  return { typ: 'JWT', x5t: header.x5t, 'x5t#S256': header['x5t#S256'] };
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  return Object.keys(CURVES).find((alg) => CURVES[alg] === key.asymmetricKeyDetails?.namedCurve) ?? '';
}

async function imported(key: KeyObject, alg: string): Promise<webcrypto.CryptoKey> {
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
      return { name: 'ECDSA', namedCurve: WEB_CURVES[alg]! };
    default:
      return { name: 'Ed25519' };
  }
}
