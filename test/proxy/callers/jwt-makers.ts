import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { exportJWK, SignJWT, type JWK, type JWTPayload } from 'jose';

export const ISSUER = 'https://kubernetes.default.svc.cluster.local';
export const AUDIENCE = 'tokenward';
/** What a service-account token says of its holder. */
export const BACKEND = 'system:serviceaccount:shop:backend';

/** A signing key as an issuer has it. */
export interface SigningKey {
  readonly jwk: JWK;
  readonly publicKey: KeyObject;
  /** A token like a Kubernetes service-account token; what is given replaces or (undefined) removes claims. */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>;
}

export async function signingKey(kid: string, kind: 'RS256' | 'ES256' = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } =
    kind === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: kind, use: 'sig' };
  return {
    jwk,
    publicKey,
    async token(claims = {}) {
      const now = Math.floor(Date.now() / 1000);
      const all = {
        iss: ISSUER,
        aud: [AUDIENCE],
        sub: BACKEND,
        iat: now,
        nbf: now,
        exp: now + 600,
        'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'backend' } },
        ...claims,
      };
      return new SignJWT(JSON.parse(JSON.stringify(all)) as JWTPayload)
        .setProtectedHeader({ alg: kind, kid, typ: 'JWT' })
        .sign(privateKey);
    },
  };
}

/** A token put together by hand, as no honest library would. */
export function forged(header: object, claims: object, secret?: string | Buffer): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${input}.${secret === undefined ? '' : createHmac('sha256', secret).update(input).digest('base64url')}`;
}

export function claims(change: JWTPayload = {}): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  return { iss: ISSUER, aud: AUDIENCE, sub: BACKEND, exp: now + 600, ...change };
}
