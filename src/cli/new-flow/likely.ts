import type { Place } from '../../flows/places.ts';
import { numberOf, secondsOf, secondsUntil } from '../../flows/notations.ts';
import { isTokenText } from '../../tokens/token.ts';

/* Which values of an answer to a login are what, by their names and shapes. */

const JWT = /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/;
const REFRESH = /refresh|renew/i;
/** Names of tokens that requests rarely carry. */
const OTHER_TOKEN = /id[_-]?token$|device|csrf|xsrf|token[_-]?(type|name|id)$|(type|kind|scope|uri|url|hint)$/i;
const TOKEN_NAMES: readonly (readonly [name: RegExp, score: number])[] = [
  [/^(access|auth|api|bearer|session)[_-]?token$/i, 100],
  [/^(token|jwt|bearer|authtoken|x-(auth|access|subject)-token)$/i, 90],
  [/token$|^jwt/i, 70],
  [/^(sid|session[_-]?(id|key)?|.*sess(ion)?(id)?|ticket|api[_-]?key|authorization)$/i, 60],
  [/^(key|secret|value|data|result)$/i, 15],
];
/** A text of this length without blanks is hardly a word. */
const MIN_RANDOM_LENGTH = 16;

/** The last name in a place: `accessToken` of `/data/accessToken`. */
export function nameOf(place: string): string {
  return place.replace(/^.*[/:@]/, '');
}

export function isJwt(value: unknown): boolean {
  return typeof value === 'string' && JWT.test(value);
}

/** Places that may hold the access token, the likeliest first. */
export function likelyTokens(places: readonly Place[]): Place[] {
  return scored(places).map(({ place }) => place);
}

/** Those that are about as likely as the first one. */
export function equallyLikely(places: readonly Place[]): Place[] {
  const all = scored(places);
  const [best] = all;
  return best === undefined ? [] : all.filter(({ score }) => score > best.score - 25).map(({ place }) => place);
}

function scored(places: readonly Place[]): { readonly place: Place; readonly score: number }[] {
  return places
    .map((place) => ({ place, score: scoreOf(place) }))
    .filter(({ score }) => score >= 40)
    .sort((a, b) => b.score - a.score);
}

function scoreOf({ place, value }: Place): number {
  const text = typeof value === 'string' ? value : '';
  // A page is no token, even if it is all that the body holds.
  if (!isTokenText(text) || (place === 'text' && text.startsWith('<'))) return 0;
  const name = nameOf(place);
  if (REFRESH.test(name) || OTHER_TOKEN.test(name)) return 0;
  const byName = TOKEN_NAMES.find(([pattern]) => pattern.test(name))?.[1] ?? 0;
  const isRandom = text.length >= MIN_RANDOM_LENGTH && /\d/.test(text) && !/^https?:|^[\d:TZ.+-]+$/.test(text);
  const byShape = JWT.test(text) ? 60 : isRandom ? (text.length >= 2 * MIN_RANDOM_LENGTH ? 40 : 30) : 0;
  const byPlace = place === 'text' && text.length >= 8 ? 40 : place.startsWith('cookie:') ? -10 : 0;
  return byName + byShape + byPlace;
}

/** Where the refresh token is. */
export function likelyRefreshToken(places: readonly Place[]): string | undefined {
  return places.find(
    ({ place, value }) =>
      typeof value === 'string' &&
      value.length >= 8 &&
      isTokenText(value) &&
      /refresh/i.test(nameOf(place)) &&
      !OTHER_TOKEN.test(nameOf(place)),
  )?.place;
}

/** Where a lifetime or an expiry is: the locator, and how it is meant. `isGuess`: its unit is guessed. */
export interface LikelyLifetime {
  readonly key: 'expiresIn' | 'expiresAt';
  readonly locator: string;
  readonly isGuess: boolean;
}

const LIFETIME = /expir|lifetime|^ttl$|[_-]ttl$|ttl$|valid(ity|_?for|_?until|_?to)?|timeout|end_?time|^exp$/i;
const UNITS: readonly (readonly [name: RegExp, unit: string])[] = [
  [/milli|[_-]?ms$|Ms$/, ' milliseconds'],
  [/min(ute)?s?$/i, ' minutes'],
  [/hours?$/i, ' hours'],
  [/days?$/i, ' days'],
];
/** A lifetime in seconds beyond it (some three years) is rather one in milliseconds. */
const MAX_SECONDS = 1e8;

/** `refresh`: of the refresh token. `now`: wall clock, ms. */
export function likelyLifetime(places: readonly Place[], now: number, refresh = false): LikelyLifetime | undefined {
  for (const { place, value } of places) {
    const name = nameOf(place);
    if (!LIFETIME.test(name) || REFRESH.test(name) !== refresh || typeof value === 'boolean') continue;
    const plain = numberOf(value);
    if (secondsUntil(value, now) !== undefined && (plain === undefined || plain >= 1e9))
      return { key: 'expiresAt', locator: place, isGuess: false };
    if (secondsOf(value) === undefined) continue;
    const unit = UNITS.find(([pattern]) => pattern.test(name))?.[1];
    if (unit !== undefined && plain !== undefined)
      return { key: 'expiresIn', locator: `${place}${unit}`, isGuess: false };
    const inMilliseconds = plain !== undefined && plain > MAX_SECONDS;
    const isVague = !/^expires?_?in$/i.test(name) && plain !== undefined;
    return {
      key: 'expiresIn',
      locator: inMilliseconds ? `${place} milliseconds` : place,
      isGuess: inMilliseconds || isVague,
    };
  }
  return undefined;
}
