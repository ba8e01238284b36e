import type { DeadMark, Doubt, SpendNote } from './record-marks.ts';
import type { NamedValues } from './token.ts';

/*
 * What is inside the seal: JSON. Processes of several versions share a store, so a field that is not known here is kept
 * as it is. The version is raised only when an earlier program must not use the record at all.
 */

/** The version written here. A record without a version is of this one too. */
const VERSION = 1;

type Fields = Readonly<Record<string, unknown>>;

export interface TokenFields {
  readonly secret: string;
  readonly refresh: string | undefined;
  /** Wall-clock ms, like the other two. */
  readonly obtainedAt: number;
  readonly expiresAt: number | undefined;
  readonly refreshExpiresAt: number | undefined;
  /** Undefined: none. */
  readonly values: NamedValues | undefined;
}

export interface RecordFields {
  readonly identity: string;
  readonly token: TokenFields | undefined;
  readonly intent: SpendNote | undefined;
  readonly dead: DeadMark | undefined;
  readonly failures: number;
  readonly retryAt: number | undefined;
  readonly refreshFailures: number;
  readonly gaveUpAt: number | undefined;
  readonly loggedInAt: number | undefined;
  readonly doubt: Doubt | undefined;
}

/** Fields of a record and of its token that this version does not know, so that they are written back. */
export interface UnknownFields {
  readonly record: Fields;
  readonly token: Fields;
  /** The generation of the token that they belong to. */
  readonly generation: number;
}

/** Why a record cannot be used, as the end of a sentence that names it. */
export class FormError extends Error {}

/** Throws a FormError if this version cannot use the text. */
export function parseForm(text: string): { fields: RecordFields; unknown: Pick<UnknownFields, 'record' | 'token'> } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormError('holds no JSON');
  }
  const {
    v = VERSION,
    identity,
    token,
    intent,
    dead,
    failures,
    retryAt,
    refreshFailures,
    gaveUpAt,
    loggedInAt,
    doubt,
    ...record
  } = requireObject(value, 'the record');
  if (!isCount(v)) throw new FormError('has a version that is not a number');
  if (v > VERSION)
    throw new FormError(
      `was written by a newer tokenward (its version is ${v}, this one knows ${VERSION}); use that one`,
    );
  if (typeof identity !== 'string') throw new FormError('does not say whom its token is for');
  const opened = token === undefined ? undefined : openToken(requireObject(token, 'its token'));
  return {
    fields: {
      identity,
      token: opened?.fields,
      intent: intent === undefined ? undefined : checkIntent(requireObject(intent, 'its note of a renewal')),
      dead: dead === undefined ? undefined : checkDead(requireObject(dead, 'its mark of a refusal')),
      failures: failures === undefined ? 0 : requireCount(failures, 'failures'),
      retryAt: optionalTime(retryAt, 'retryAt'),
      refreshFailures: refreshFailures === undefined ? 0 : requireCount(refreshFailures, 'refreshFailures'),
      gaveUpAt: optionalTime(gaveUpAt, 'gaveUpAt'),
      loggedInAt: optionalTime(loggedInAt, 'loggedInAt'),
      doubt: doubt === undefined ? undefined : checkDoubt(requireObject(doubt, 'its doubt')),
    },
    unknown: { record, token: opened?.unknown ?? {} },
  };
}

/** The text to be sealed. Unknown fields of a token are written only with that same token. */
export function writeForm(
  { identity, token, intent, dead, failures, retryAt, refreshFailures, gaveUpAt, loggedInAt, doubt }: RecordFields,
  generation: number,
  unknown: UnknownFields | undefined,
): string {
  // Fields that are undefined are left out.
  return JSON.stringify({
    ...unknown?.record,
    v: VERSION,
    identity,
    ...(token && { token: { ...(unknown?.generation === generation && unknown.token), ...token } }),
    intent,
    dead,
    failures: failures > 0 ? failures : undefined,
    retryAt,
    refreshFailures: refreshFailures > 0 ? refreshFailures : undefined,
    gaveUpAt,
    loggedInAt,
    doubt,
  });
}

function openToken({ secret, refresh, obtainedAt, expiresAt, refreshExpiresAt, values, ...unknown }: Fields): {
  fields: TokenFields;
  unknown: Fields;
} {
  // Empty: only a refresh token was imported; its first use obtains an access token.
  if (typeof secret !== 'string' || (secret === '' && refresh === undefined))
    throw new FormError('has a token that is not text');
  if (refresh !== undefined && (typeof refresh !== 'string' || refresh === ''))
    throw new FormError('has a refresh token that is not text');
  return {
    fields: {
      secret,
      refresh,
      obtainedAt: requireTime(obtainedAt, 'obtainedAt'),
      expiresAt: optionalTime(expiresAt, 'expiresAt'),
      refreshExpiresAt: optionalTime(refreshExpiresAt, 'refreshExpiresAt'),
      values: values === undefined ? undefined : checkValues(requireObject(values, 'the list of values of its token')),
    },
    unknown,
  };
}

function checkValues(values: Fields): NamedValues {
  if (!Object.values(values).every((value) => typeof value === 'string'))
    throw new FormError('is damaged: a value beside its token is not text');
  return values as NamedValues;
}

/** Returns the object itself, with all its other fields. */
function checkIntent(intent: Fields): SpendNote {
  const { kind, startedAt, attempt, id } = intent;
  if (kind !== 'login' && kind !== 'refresh') throw new FormError('has a note of an unknown kind of renewal');
  requireTime(startedAt, 'startedAt');
  requireCount(attempt, 'attempt');
  if (id !== undefined && typeof id !== 'string') throw new FormError('has a note of a renewal whose id is not text');
  return intent as unknown as SpendNote;
}

function checkDead(dead: Fields): DeadMark {
  const { reason, since, credentials } = dead;
  if (typeof reason !== 'string' || typeof credentials !== 'string')
    throw new FormError('has a mark of a refusal that is incomplete');
  requireTime(since, 'since');
  return dead as unknown as DeadMark;
}

function checkDoubt(doubt: Fields): Doubt {
  if (typeof doubt['credentials'] !== 'string') throw new FormError('has a doubt that is incomplete');
  requireTime(doubt['since'], 'since');
  return doubt as unknown as Doubt;
}

function requireObject(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormError(`is damaged: ${what} is not an object`);
  return value as Fields;
}

function requireTime(value: unknown, name: string): number {
  if (!Number.isFinite(value)) throw new FormError(`is damaged: ${name} is not a time`);
  return value as number;
}

function optionalTime(value: unknown, name: string): number | undefined {
  return value === undefined ? undefined : requireTime(value, name);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function requireCount(value: unknown, name: string): number {
  if (!isCount(value)) throw new FormError(`is damaged: ${name} is not a count`);
  return value;
}
