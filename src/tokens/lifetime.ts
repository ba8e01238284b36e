import type { Clock } from './clock.ts';
import type { Credential } from './credential.ts';
import { Token, type Grant } from './token.ts';

/**
 * The life of a token whose response states none left (0, negative, or an end in the past: this clock may be fast). ms.
 */
const FALLBACK_LIFETIME_MS = 30_000;
/** Upper limit of a stated life: an upstream's rejection comes earlier. ms. */
const MAX_LIFETIME_MS = 31 * 86_400_000;

/** Whether the token is within its life by both clocks: the one that expires it first counts. */
export function isUsable(token: Token, clock: Clock): boolean {
  if (token.expiresAt === undefined) return true;
  // A wall clock that was set back says nothing; then the monotonic one counts.
  return clock.monotonic() < token.deadline && clock.wall() < token.expiresAt;
}

/** A token with less life left may expire before it arrives. ms; for short lives a tenth of the life. */
const MIN_LIFE_ON_ARRIVAL_MS = 1_000;
/** The life that a token needs for a request that can be sent only once. ms; for short lives a quarter of the life. */
const MIN_LIFE_TO_SEND_ONCE_MS = 300_000;

/** Whether the token is usable, but may expire before it arrives. */
export function isEnding(token: Token, clock: Clock): boolean {
  return hasLessLeft(token, clock, MIN_LIFE_ON_ARRIVAL_MS, 10);
}

/**
 * Whether the token is in the last part of its life: enough for a request that can be replayed, not for one that
 * cannot.
 */
export function isInLastPart(token: Token, clock: Clock): boolean {
  return hasLessLeft(token, clock, MIN_LIFE_TO_SEND_ONCE_MS, 4);
}

/** Whether less than `ms` is left, or less than one in `parts` of a short life, by the clock that says less. */
function hasLessLeft({ expiresAt, deadline, obtainedAt }: Token, clock: Clock, ms: number, parts: number): boolean {
  // It is used until it is rejected.
  if (expiresAt === undefined) return false;
  const left = Math.min(deadline - clock.monotonic(), expiresAt - clock.wall());
  return left < Math.min(ms, (expiresAt - obtainedAt) / parts);
}

/** Monotonic ms from which the token is renewed in the background: at 75 to 85 % of its life, or never. */
export function refreshAt(credential: Credential, token: Token, random: number): number {
  if (credential.renew !== 'early' || token.expiresAt === undefined) return Infinity;
  const life = token.expiresAt - token.obtainedAt;
  return token.deadline - life * (0.15 + 0.1 * random);
}

/** The token from a grant received now. `previous`: the one before it, if it is of the same identity. */
export function nextToken(generation: number, grant: Grant, previous: Token | undefined, clock: Clock): Token {
  const now = clock.wall();
  const life =
    grant.lifetime === undefined
      ? undefined
      : grant.lifetime <= 0
        ? FALLBACK_LIFETIME_MS
        : Math.min(MAX_LIFETIME_MS, grant.lifetime * 1000);
  const keepsRefresh = grant.refreshSecret === undefined;
  return new Token(
    {
      generation,
      obtainedAt: now,
      expiresAt: life === undefined ? undefined : now + life,
      refreshExpiresAt:
        grant.refreshLifetime === undefined
          ? keepsRefresh
            ? previous?.refreshExpiresAt
            : undefined
          : now + grant.refreshLifetime * 1000,
      deadline: life === undefined ? Infinity : clock.monotonic() + life,
    },
    grant.secret,
    // RFC 6749 §6: no new refresh token means the old one stays.
    grant.refreshSecret ?? previous?.revealRefresh(),
    // The same for everything else that a refresh does not repeat.
    { ...previous?.revealValues(), ...grant.values },
  );
}
