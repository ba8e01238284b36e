import type { Clock } from './clock.ts';
import type { Credential } from './credential.ts';
import { Token, type Grant } from './token.ts';

/** The life of a token that by its answer has none (0, negative, or an end already past: our clock may be fast). ms. */
const LEAST_USE = 30_000;
/** Longer lives are not believed: the reactive path finds out earlier. ms. */
const MOST_LIFE = 31 * 86_400_000;

/** Whether the token is within its life by both clocks: the one that says "over" first is believed. */
export function lives(token: Token, clock: Clock): boolean {
  if (token.expiresAt === undefined) return true;
  if (clock.monotonic() >= token.deadline) return false;
  const now = clock.wall();
  // A wall clock before `obtainedAt` was set back; then only the monotonic one is believed.
  return now < token.expiresAt || now < token.obtainedAt;
}

/** Monotonic ms from which the token is renewed in the background: at 75 to 85 % of its life, or never. */
export function earlyAt(credential: Credential, token: Token, random: number): number {
  if (credential.renew !== 'early' || token.expiresAt === undefined) return Infinity;
  const life = token.expiresAt - token.obtainedAt;
  return token.deadline - life * (0.15 + 0.1 * random);
}

/** The token that a grant received now makes. `previous`: the one before it, if it spoke for the same identity. */
export function nextToken(generation: number, grant: Grant, previous: Token | undefined, clock: Clock): Token {
  const now = clock.wall();
  const life = grant.lifetime === undefined ? undefined : grant.lifetime <= 0 ? LEAST_USE : Math.min(MOST_LIFE, grant.lifetime * 1000);
  const keepsRefresh = grant.refreshSecret === undefined;
  return new Token(
    {
      generation,
      obtainedAt: now,
      expiresAt: life === undefined ? undefined : now + life,
      refreshExpiresAt: grant.refreshLifetime === undefined ? (keepsRefresh ? previous?.refreshExpiresAt : undefined) : now + grant.refreshLifetime * 1000,
      deadline: life === undefined ? Infinity : clock.monotonic() + life,
    },
    grant.secret,
    // RFC 6749 §6: no new refresh token means the old one stays.
    grant.refreshSecret ?? previous?.revealRefresh());
}
