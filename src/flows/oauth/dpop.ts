import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import type { Signer } from '../sign/request-to-sign.ts';
import { UnfitValueError } from '../template.ts';
import { parseJson } from '../content.ts';
import { BoundedMap } from './bounded-map.ts';

/*
 * DPoP (RFC 9449): a token is bound to a key, and each request proves that its sender has the key. Not by oauth4webapi,
 * whose handle keeps nonces inside itself and cannot be asked for a proof alone; and not by an asynchronous library,
 * because a request that is being forwarded does not wait: a proof takes about 0.1 ms.
 */

/** The key to which a token is bound. Holds a secret. */
export interface DpopKey {
  readonly privateKey: KeyObject;
  /** The public key as proofs show it. */
  readonly publicJwk: { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string };
}

const MAX_ORIGINS = 1_000;

/** A new key as text (JWK), to be kept with the token that is bound to it. */
export function newDpopKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return JSON.stringify(privateKey.export({ format: 'jwk' }));
}

/** Reads such a text. Throws an UnfitValueError, which does not repeat it. */
export function readDpopKey(text: string): DpopKey {
  try {
    const privateKey = createPrivateKey({ key: parseJson(text) as JsonWebKey, format: 'jwk' });
    // From the private key, so that the two belong together.
    const { kty, crv, x, y } = privateKey.export({ format: 'jwk' });
    if (kty === 'EC' && crv === 'P-256' && x !== undefined && y !== undefined)
      return { privateKey, publicJwk: { kty, crv, x, y } };
  } catch {
    // The error of node:crypto says less than the one below.
  }
  throw new UnfitValueError('the value of {dpopKey} is not a private key for ES256');
}

/** What a proof is about. `now`: wall clock, ms. */
export interface ProvenRequest {
  readonly method: string;
  /** Without query and fragment. */
  readonly url: string;
  readonly accessToken: string;
  /** The server's last one. */
  readonly nonce: string | undefined;
  readonly now: number;
}

/** The value of a request's field DPoP. Each proof is for one request, because servers accept it once. */
export function dpopProof(
  { privateKey, publicJwk }: DpopKey,
  { method, url, accessToken, nonce, now }: ProvenRequest,
): string {
  const payload = {
    jti: randomUUID(),
    htm: method,
    htu: url,
    iat: Math.floor(now / 1000),
    ath: createHash('sha256').update(accessToken).digest('base64url'),
    ...(nonce !== undefined && { nonce }),
  };
  const input = `${encoded({ alg: 'ES256', typ: 'dpop+jwt', jwk: publicJwk })}.${encoded(payload)}`;
  // RFC 7518 §3.4: R and S, not DER.
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/**
 * Attaches a token that is bound to a key: the fields Authorization and DPoP of each request. `nonces` are those of the
 * upstream. Throws an UnfitValueError for a text that is not a key.
 */
export function dpopSigner(accessToken: string, dpopKey: string, nonces: DpopNonces): Signer {
  const key = readDpopKey(dpopKey);
  const authorization = `DPoP ${accessToken}`;
  return ({ method, origin, target, now }) => {
    const query = target.indexOf('?');
    const url = origin + (query === -1 ? target : target.slice(0, query));
    const proof = dpopProof(key, { method, url, accessToken, nonce: nonces.get(origin), now });
    return { headers: ['authorization', authorization, 'dpop', proof], query: [] };
  };
}

/** The last nonce of each server: it goes into the next proof for that server. */
export class DpopNonces {
  readonly #nonces = new BoundedMap<string>(MAX_ORIGINS);

  /** `origin`: scheme and authority, such as `https://api.example:8443`. */
  get(origin: string): string | undefined {
    return this.#nonces.get(origin);
  }

  /** Notes the nonce of a response, whatever its status (RFC 9449 §8.2), and returns it. Names in lower case. */
  note(origin: string, headers: Readonly<Record<string, string | undefined>>): string | undefined {
    const nonce = dpopNonceFrom(headers);
    if (nonce !== undefined && nonce !== this.#nonces.get(origin)) this.#nonces.set(origin, nonce);
    return nonce;
  }
}

/** The nonce that a response gives for the next proof (RFC 9449 §8.1). Names in lower case. */
export function dpopNonceFrom(headers: Readonly<Record<string, string | undefined>>): string | undefined {
  const nonce = headers['dpop-nonce'];
  return nonce !== undefined && /^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$/.test(nonce) ? nonce : undefined;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
