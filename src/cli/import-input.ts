import { numberOf, secondsOf, secondsUntil } from '../flows/notations.ts';
import type { ImportedGrant } from '../tokens/import.ts';
import { isTokenText } from '../tokens/token.ts';

/** The input cannot be imported; the message is for a person and repeats none of it. */
export class ImportInputError extends Error {}

/**
 * Parses the input of `tokenward import`: the refresh token on a line of its own, or a JSON object like a token
 * endpoint's response, whose other fields are ignored. `now`: wall-clock ms. Throws an ImportInputError.
 */
export function readImport(text: string, now: number): ImportedGrant {
  const input = text.replace(/^\uFEFF/, '').trim();
  if (input === '') throw new ImportInputError('there is no refresh token on standard input');
  // `jq .refresh_token` prints quotes, and null if there is none.
  const value: unknown = /^["{[]|^null$/.test(input) ? parse(input) : input;
  if (typeof value === 'string') {
    return { refreshSecret: checked(value, 'the refresh token'), secret: undefined, expiresAt: undefined };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ImportInputError(
      'standard input must hold a refresh token on one line, or a JSON object with refresh_token',
    );
  }
  return fromObject(value as Record<string, unknown>, now);
}

function fromObject(object: Readonly<Record<string, unknown>>, now: number): ImportedGrant {
  const field = (...names: readonly string[]): unknown =>
    names.map((name) => object[name]).find((value) => value !== undefined && value !== null && value !== '');
  const refresh = field('refresh_token', 'refreshToken');
  if (refresh === undefined) throw new ImportInputError('the JSON object has no refresh_token');
  const refreshSecret = checked(refresh, 'refresh_token');
  const access = field('access_token', 'accessToken');
  const expiresAt = endOf(field('expires_in', 'expiresIn'), field('expires_at', 'expiresAt'), now);
  // An expired access token is of no use: only the refresh token is imported.
  const secret =
    access === undefined || (expiresAt !== undefined && expiresAt <= now) ? undefined : checked(access, 'access_token');
  return { refreshSecret, secret, expiresAt: secret === undefined ? undefined : expiresAt };
}

/**
 * The access token's expiry: the earlier one, if both are given. As in token responses, 0 means unknown. Wall-clock ms.
 */
function endOf(expiresIn: unknown, expiresAt: unknown, now: number): number | undefined {
  if (expiresIn !== undefined && numberOf(expiresIn) === undefined && secondsOf(expiresIn) === undefined) {
    throw new ImportInputError('expires_in must be a number of seconds');
  }
  if (expiresAt !== undefined && numberOf(expiresAt) === undefined && secondsUntil(expiresAt, now) === undefined) {
    throw new ImportInputError('expires_at must be unix seconds, unix milliseconds or an ISO date');
  }
  const lengths = [secondsOf(expiresIn), secondsUntil(expiresAt, now)].filter((seconds) => seconds !== undefined);
  return lengths.length === 0 ? undefined : now + Math.min(...lengths) * 1000;
}

function checked(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new ImportInputError(`${what} must be text`);
  const token = value.trim();
  if (!isTokenText(token)) {
    throw new ImportInputError(`${what} must be visible ASCII without spaces or line ends, at most 16384 characters`);
  }
  return token;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ImportInputError('standard input begins like JSON and is not well-formed');
  }
}
