import { readFileSync, statSync } from 'node:fs';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';
import { TokenwardError } from '../errors.ts';
import type { Clock } from '../tokens/clock.ts';

/** The trusted issuer of JWTs. */
interface JwtIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** An https URL (http on this host only), or a file path. */
  readonly jwks: string;
  /** The claim that names the caller. */
  readonly claim: string;
}

/** Minimum time between fetches of a key set for an unknown key, and between checks of its file. ms. */
const RELOAD_INTERVAL_MS = 5_000;
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/**
 * Verifies callers' JWTs, such as Kubernetes service account tokens: signature, issuer, audience, times. Symmetric
 * algorithms and `none` are not allowed.
 */
export class JwtCheck {
  readonly #issuer: JwtIssuer;
  readonly #keys: JWTVerifyGetKey;

  /** Throws a JwksFileError if a key set file cannot be used. */
  constructor(issuer: JwtIssuer, clock: Clock) {
    this.#issuer = issuer;
    this.#keys = /^https?:/i.test(issuer.jwks)
      ? createRemoteJWKSet(new URL(issuer.jwks), {
          timeoutDuration: 5_000,
          cooldownDuration: RELOAD_INTERVAL_MS,
          cacheMaxAge: 600_000,
        })
      : keysOfFile(issuer.jwks, clock);
  }

  /**
   * The caller's name. Rejects with caller_key_unknown for an invalid token, with caller_check_failed if the key set is
   * not available.
   */
  async callerOf(token: string): Promise<string> {
    const { issuer, audience, claim } = this.#issuer;
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: 30,
        requiredClaims: ['exp'],
      });
      const name = payload[claim];
      if (typeof name === 'string' && name !== '') return name;
      throw new TokenwardError('caller_key_unknown', { detail: `the token has no claim ${claim}` });
    } catch (error) {
      if (error instanceof TokenwardError) throw error;
      // A missing key set is our fault; everything else is the token's.
      const keySetUnavailable =
        !(error instanceof errors.JOSEError) ||
        error instanceof errors.JWKSTimeout ||
        error instanceof errors.JWKSInvalid ||
        error.code === 'ERR_JOSE_GENERIC';
      if (keySetUnavailable) throw new TokenwardError('caller_check_failed', { retryAfter: 5, cause: error });
      throw new TokenwardError('caller_key_unknown', {
        detail: error.code === 'ERR_JWT_EXPIRED' ? 'the token has expired' : 'the token is not valid here',
      });
    }
  }
}

/** The file of jwt.jwks cannot be used. */
export class JwksFileError extends Error {
  override readonly name = 'JwksFileError';
  /** True: the file is not there, and may come later. */
  readonly isMissing: boolean;

  constructor(message: string, { isMissing = false } = {}) {
    super(message);
    this.isMissing = isMissing;
  }
}

/** The keys of a file. They are read again when it changes; if it cannot be used then, the earlier keys stay. */
function keysOfFile(path: string, clock: Clock): JWTVerifyGetKey {
  const read = (): { keys: JWTVerifyGetKey; changedAt: number } => {
    const changedAt = statSync(path).mtimeMs;
    return { keys: createLocalJWKSet(JSON.parse(readFileSync(path, 'utf8')) as JSONWebKeySet), changedAt };
  };
  let current: ReturnType<typeof read>;
  try {
    current = read();
  } catch (error) {
    const { code = 'not a JWK set' } = error as NodeJS.ErrnoException;
    throw new JwksFileError(`jwt.jwks: ${path} cannot be used as a key set (${code}).`, {
      isMissing: code === 'ENOENT',
    });
  }
  let checkedAt = clock.monotonic();
  return (header, token) => {
    if (clock.monotonic() - checkedAt > RELOAD_INTERVAL_MS) {
      checkedAt = clock.monotonic();
      try {
        if (statSync(path).mtimeMs !== current.changedAt) current = read();
      } catch {
        // Half written, or missing for a moment: the next check reads it.
      }
    }
    return current.keys(header, token);
  };
}

/** Whether a text has the form of a JWT; keys never do. */
export function looksLikeJwt(text: string): boolean {
  return /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text);
}
