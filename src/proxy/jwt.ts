import { readFileSync, statSync } from 'node:fs';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  jwksCache,
  jwtVerify,
  type JSONWebKeySet,
  type JWKSCacheInput,
  type JWTVerifyGetKey,
} from 'jose';
import { LRUCache } from 'lru-cache';
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
/**
 * How long a verified token is remembered, ms, and how many are. Its signature takes three times as long to verify as
 * all the rest of a request. The keys of a URL are remembered for longer than that.
 */
const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 5_000;
/** By how much the clocks of issuer and proxy may differ. s. */
const CLOCK_TOLERANCE = 30;
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/**
 * Verifies callers' JWTs, such as Kubernetes service account tokens: signature, issuer, audience, times. Symmetric
 * algorithms and `none` are not allowed.
 */
export class JwtCheck {
  readonly #issuer: JwtIssuer;
  readonly #clock: Clock;
  readonly #keySet: KeySet;
  readonly #verified = new LRUCache<string, Verified>({ max: MAX_REMEMBERED });
  #version: object;

  /** Throws a JwksFileError if a key set file cannot be used. */
  constructor(issuer: JwtIssuer, clock: Clock) {
    this.#issuer = issuer;
    this.#clock = clock;
    this.#keySet = /^https?:/i.test(issuer.jwks) ? keysAt(new URL(issuer.jwks)) : keysOfFile(issuer.jwks, clock);
    this.#version = this.#keySet.version();
  }

  /** The caller's name, of a token that was verified a short while ago. Undefined: it has to be verified. */
  remembered(token: string): string | undefined {
    const verified = this.#verified.get(token);
    if (verified === undefined) return undefined;
    if (
      this.#isCurrent() &&
      this.#clock.wall() < verified.expiresAt &&
      this.#clock.monotonic() - verified.at < REMEMBER_MS
    )
      return verified.name;
    this.#verified.delete(token);
    return undefined;
  }

  /** False: the keys have changed, and every token has to be verified again. */
  #isCurrent(): boolean {
    const version = this.#keySet.version();
    if (version === this.#version) return true;
    this.#version = version;
    this.#verified.clear();
    return false;
  }

  /**
   * The caller's name. Rejects with caller_key_unknown for an invalid token, with caller_check_failed if the key set is
   * not available.
   */
  async callerOf(token: string): Promise<string> {
    const { issuer, audience, claim } = this.#issuer;
    this.#isCurrent();
    const at = this.#clock.monotonic();
    const version = this.#version;
    try {
      const { payload } = await jwtVerify(token, this.#keySet.keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE,
        currentDate: new Date(this.#clock.wall()),
        requiredClaims: ['exp'],
      });
      const name = payload[claim];
      if (typeof name === 'string' && name !== '') {
        // By keys that are no longer those of the set it may have been verified: then it is not remembered.
        if (this.#isCurrent() && version === this.#version)
          this.#verified.set(token, { name, at, expiresAt: (payload.exp! + CLOCK_TOLERANCE) * 1_000 });
        return name;
      }
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

/** What a verified token says. `at`: monotonic ms; `expiresAt`: wall-clock ms. */
interface Verified {
  readonly name: string;
  readonly at: number;
  readonly expiresAt: number;
}

/** `version`: another object whenever the keys have changed, as far as that is known. */
interface KeySet {
  readonly keys: JWTVerifyGetKey;
  readonly version: () => object;
}

function keysAt(url: URL): KeySet {
  // It holds what was fetched last.
  const cache: JWKSCacheInput = {};
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: 5_000,
    cooldownDuration: RELOAD_INTERVAL_MS,
    cacheMaxAge: 600_000,
    [jwksCache]: cache,
  });
  return { keys, version: () => ('jwks' in cache ? cache.jwks : cache) };
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
function keysOfFile(path: string, clock: Clock): KeySet {
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
  const latest = (): typeof current => {
    if (clock.monotonic() - checkedAt > RELOAD_INTERVAL_MS) {
      checkedAt = clock.monotonic();
      try {
        if (statSync(path).mtimeMs !== current.changedAt) current = read();
      } catch {
        // Half written, or missing for a moment: the next check reads it.
      }
    }
    return current;
  };
  return { keys: (header, token) => latest().keys(header, token), version: latest };
}

/** Whether a text has the form of a JWT; keys never do. */
export function looksLikeJwt(text: string): boolean {
  return /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text);
}
