import { placesIn, type Place } from '../../flows/places.ts';
import type { ReadResponse } from '../../flows/response.ts';
import { equallyLikely, isJwt, likelyLifetime, likelyRefreshToken, nameOf, type LikelyLifetime } from './likely.ts';

/** What a sample answer tells. */
export interface SampleFacts {
  readonly places: readonly Place[];
  /** Places that may hold the token, the likeliest first. */
  readonly tokens: readonly Place[];
  readonly refreshToken: string | undefined;
  readonly tokenType: string | undefined;
  readonly lifetime: LikelyLifetime | undefined;
  readonly refreshLifetime: LikelyLifetime | undefined;
  /** A flag such as `/success`, which is true in an answer that worked. */
  readonly success: string | undefined;
}

export function factsOf(sample: ReadResponse, now: number): SampleFacts {
  const places = placesIn(sample);
  return {
    places,
    tokens: equallyLikely(places),
    refreshToken: likelyRefreshToken(places),
    tokenType: places.find(
      ({ place, value }) => /^token_?type$/i.test(nameOf(place)) && /^bearer$/i.test(String(value)),
    )?.place,
    lifetime: likelyLifetime(places, now),
    refreshLifetime: likelyLifetime(places, now, true),
    success: places.find(({ place, value }) => value === true && /^\/(success|ok|succeeded)$/i.test(place))?.place,
  };
}

/** A value as a comment may name it: its kind and length, nothing of it. */
export function kindOf(value: unknown): string {
  if (isJwt(value)) return `a JWT of ${String(value).length} characters`;
  return typeof value === 'string' ? `a text of ${value.length} characters` : `a ${typeof value}`;
}
