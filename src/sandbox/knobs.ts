import type { CustomAnswer, Encoding, Json } from './answer.ts';
import { nearest } from '../nearest.ts';
import type { SecretShape } from './secrets.ts';
import type { Rotation } from './tokens.ts';

/**
 * How a login or refresh misbehaves.
 *
 * Nothing is issued: `status-500`; `html-200` (a web page); `empty-200`; `redirect` (307, see
 * `redirectTo`); `reset` (RST without an answer); `hang` (never answers); or an answer of your own.
 *
 * A pair is issued, then: `normal`; `no-lifetime` (the answer says nothing of lifetimes, and a JWT has no
 * `exp`); `slow` (answers after `slowMs`); `commit-then-reset` (the connection is reset instead of an
 * answer); `huge` (a right answer padded to 2 MiB); `drip` (one byte every `dripMs`).
 */
export type TokenCallMode =
  | 'normal'
  | 'status-500'
  | 'html-200'
  | 'empty-200'
  | 'no-lifetime'
  | 'slow'
  | 'commit-then-reset'
  | 'reset'
  | 'hang'
  | 'redirect'
  | 'huge'
  | 'drip'
  | CustomAnswer;

/** An answer given to API calls in place of the usual one, whatever their token. Nothing is done. */
export interface ApiOverride extends CustomAnswer {
  /** For the next N calls only; by default for all. */
  count?: number;
}

/** A random time between two bounds, in milliseconds. */
export interface DelayRange {
  min: number;
  max: number;
}

/** Changes to the JSON of a login or refresh answer: dotted path → new value; `undefined` removes a field. */
export type AnswerPatch = Record<string, Json | undefined>;

/** What can be set on every vendor. */
export interface CommonKnobs {
  /** Life of new access tokens, in seconds (fractions allowed); null: as the vendor documents. */
  accessTtlSeconds: number | null;
  /** Look of new tokens. */
  tokenShape: SecretShape;
  /** Put in front of new access and refresh tokens (in a JWT: in front of its signature). For canaries. */
  tokenPrefix: string;
  /** Shifts the vendor's clock: its lifetimes, its checks and its quota window. */
  clockSkewSeconds: number;
  /** A new login kills the owner's earlier access tokens. */
  loginKillsOld: boolean;

  /** Successful logins allowed per account inside the window; null: no limit. */
  quotaLimit: number | null;
  /** Length of the rolling window. */
  quotaWindowSeconds: number;
  /** Status of the refusal beyond the quota. */
  quotaStatus: number;
  /** Error code in that refusal, where the vendor's envelope has one. */
  quotaCode: string;
  /** The whole body of that refusal, in place of the vendor's envelope. */
  quotaBody: Json;

  /** Status of the "token dead" refusal. */
  deadTokenStatus: number;
  /** The whole "token dead" refusal, for odd shapes; `deadTokenStatus` and `errorEncoding` are then ignored. */
  deadTokenAnswer: CustomAnswer | null;
  /** Each "token dead" refusal is held back by a random time in this range. */
  deadTokenDelayMs: DelayRange;
  /** Content coding of "token dead" refusals. */
  errorEncoding: Encoding;
  /** Every API call is refused with "token dead", however good its token. */
  alwaysDead: boolean;
  /** "Token dead" is said as soon as the head has arrived, before the request body is read. */
  earlyRefusal: boolean;

  /** API calls are done at once, and answered after this time. */
  apiDelayMs: number;
  /** An answer in place of the usual one for the next N, or all, API calls. */
  apiOverride: ApiOverride | null;
  /** API calls per second above which the vendor says 429; null: no limit. */
  rateLimitPerSecond: number | null;

  /** How logins misbehave. */
  loginMode: TokenCallMode;
  /** For the next N logins only, then back to `normal`; null: until changed. */
  loginModeCount: number | null;
  /** Logins wait this long *before* they are looked at (`slow` waits after the pair is issued). */
  loginDelayMs: number;
  /** Changes to the JSON of login answers. */
  loginPatch: AnswerPatch;
  /** Status of the refusal of a wrong password. */
  badCredentialsStatus: number;

  /** How long `slow` waits. */
  slowMs: number;
  /** Pause after each byte of `drip`. */
  dripMs: number;
  /** Where `redirect` leads; null: to the same call under the name `localhost`, with `?redirected=1`. */
  redirectTo: string | null;
}

/** What can be set on a vendor that has a refresh call. */
export interface RefreshKnobs {
  /** Life of new refresh tokens, in seconds; null: as the vendor documents. */
  refreshTtlSeconds: number | null;
  /**
   * What a refresh does to the old pair. `keep-old`: nothing; `kill-old`: both old tokens die; `strict`:
   * the same, and using a spent refresh token again revokes every token that descends from the same login.
   */
  rotation: Rotation;
  /** For so long after it was spent, a refresh token may be used again without harm. */
  rotationGraceSeconds: number;
  /** What such a second use gets: the pair that the first use got, or one more new pair. */
  graceReturns: 'same-pair' | 'new-pair';
  /** The refresh token in a refresh answer. Other than `new`, the one presented stays good. */
  refreshTokenInAnswer: 'new' | 'same' | 'omit' | 'empty';
  /** Status of the refusal of a dead refresh token. */
  deadRefreshStatus: number;
  /** How refreshes misbehave. */
  refreshMode: TokenCallMode;
  /** For the next N refreshes only, then back to `normal`; null: until changed. */
  refreshModeCount: number | null;
  /** Refreshes wait this long *before* they are looked at. */
  refreshDelayMs: number;
  /** Changes to the JSON of refresh answers. */
  refreshPatch: AnswerPatch;
}

/** softline's knobs. */
export type SoftlineKnobs = CommonKnobs;

/** chatapp's knobs. */
export type ChatappKnobs = CommonKnobs & RefreshKnobs;

/** twin's knobs. */
export interface TwinKnobs extends CommonKnobs, RefreshKnobs {
  /**
   * Lifetime claimed by `exp`, in seconds; null: the true one. The documents' own samples claim seven days
   * for a token said to live for twelve hours at most [seed 000].
   */
  expClaimSeconds: number | null;
}

/** Says whether a value suits a knob, and what would. */
export interface Check {
  readonly expects: string;
  readonly allows: (value: unknown) => boolean;
}

/** One check per knob. */
export type Checks<K> = { readonly [N in keyof K]: Check };

type Loose = Record<string, unknown>;

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max;
}

function isStatus(value: unknown): boolean {
  return Number.isInteger(value) && isNumber(value, 200, 999);
}

const CUSTOM_FIELDS: readonly string[] = ['status', 'reason', 'headers', 'body', 'bodyBase64', 'encoding', 'chunkBytes'];
const ENCODINGS: readonly unknown[] = ['identity', 'gzip', 'br', 'deflate'] satisfies Encoding[];

function isCustomAnswer(value: unknown, more: readonly string[] = []): boolean {
  return (
    isObject(value) &&
    isStatus(value['status']) &&
    (value['headers'] === undefined || isObject(value['headers'])) &&
    (value['encoding'] === undefined || ENCODINGS.includes(value['encoding'])) &&
    Object.keys(value).every((field) => CUSTOM_FIELDS.includes(field) || more.includes(field))
  );
}

const atLeast = (min: number): Check => ({ expects: `a number of at least ${min}`, allows: (v) => isNumber(v, min) });
const anyNumber: Check = { expects: 'a number', allows: (v) => isNumber(v, -Number.MAX_SAFE_INTEGER) };
const status: Check = { expects: 'a status from 200 to 999', allows: isStatus };
const flag: Check = { expects: 'true or false', allows: (v) => typeof v === 'boolean' };
const text: Check = { expects: 'a string', allows: (v) => typeof v === 'string' };
const patch: Check = { expects: 'an object: dotted path → value', allows: isObject };
const anything: Check = { expects: 'any JSON', allows: () => true };
const oneOf = (...values: readonly string[]): Check => ({
  expects: `one of ${values.join(', ')}`,
  allows: (v) => typeof v === 'string' && values.includes(v),
});
const orNull = (check: Check): Check => ({
  expects: `${check.expects}, or null`,
  allows: (v) => v === null || check.allows(v),
});
const customAnswer: Check = { expects: '{status, headers?, body?, …}', allows: (v) => isCustomAnswer(v) };
const range: Check = {
  expects: '{min, max}, milliseconds',
  allows: (v) => isObject(v) && isNumber(v['min'], 0) && isNumber(v['max'], Number(v['min'])),
};

const NAMED_MODES: readonly string[] = [
  'normal',
  'status-500',
  'html-200',
  'empty-200',
  'no-lifetime',
  'slow',
  'commit-then-reset',
  'reset',
  'hang',
  'redirect',
  'huge',
  'drip',
] satisfies TokenCallMode[];

const mode: Check = {
  expects: `one of ${NAMED_MODES.join(', ')}, or {status, headers?, body?, …}`,
  allows: (v) => (typeof v === 'string' ? NAMED_MODES.includes(v) : isCustomAnswer(v)),
};

/** Checks of the knobs that every vendor has. */
export const COMMON_CHECKS: Checks<CommonKnobs> = {
  accessTtlSeconds: orNull(atLeast(0)),
  tokenShape: oneOf('opaque', 'bcrypt', 'hex', 'jwt'),
  tokenPrefix: text,
  clockSkewSeconds: anyNumber,
  loginKillsOld: flag,
  quotaLimit: orNull(atLeast(0)),
  quotaWindowSeconds: atLeast(0),
  quotaStatus: status,
  quotaCode: text,
  quotaBody: anything,
  deadTokenStatus: status,
  deadTokenAnswer: orNull(customAnswer),
  deadTokenDelayMs: range,
  errorEncoding: oneOf('identity', 'gzip', 'br', 'deflate'),
  alwaysDead: flag,
  earlyRefusal: flag,
  apiDelayMs: atLeast(0),
  apiOverride: orNull({
    expects: '{status, headers?, body?, count?, …}',
    allows: (v) =>
      isCustomAnswer(v, ['count']) && isObject(v) && (v['count'] === undefined || isNumber(v['count'], 1)),
  }),
  rateLimitPerSecond: orNull(atLeast(1)),
  loginMode: mode,
  loginModeCount: orNull(atLeast(1)),
  loginDelayMs: atLeast(0),
  loginPatch: patch,
  badCredentialsStatus: status,
  slowMs: atLeast(0),
  dripMs: atLeast(0),
  redirectTo: orNull(text),
};

/** Checks of the knobs of vendors with a refresh call. */
export const REFRESH_CHECKS: Checks<RefreshKnobs> = {
  refreshTtlSeconds: orNull(atLeast(0)),
  rotation: oneOf('keep-old', 'kill-old', 'strict'),
  rotationGraceSeconds: atLeast(0),
  graceReturns: oneOf('same-pair', 'new-pair'),
  refreshTokenInAnswer: oneOf('new', 'same', 'omit', 'empty'),
  deadRefreshStatus: status,
  refreshMode: mode,
  refreshModeCount: orNull(atLeast(1)),
  refreshDelayMs: atLeast(0),
  refreshPatch: patch,
};

/** Checks of twin's knobs. */
export const TWIN_CHECKS: Checks<TwinKnobs> = {
  ...COMMON_CHECKS,
  ...REFRESH_CHECKS,
  expClaimSeconds: orNull(anyNumber),
};

/** Common knobs as they start; a vendor's own values go over them. */
export const COMMON_INITIAL: CommonKnobs = {
  accessTtlSeconds: null,
  tokenShape: 'opaque',
  tokenPrefix: '',
  clockSkewSeconds: 0,
  loginKillsOld: false,
  quotaLimit: null,
  quotaWindowSeconds: 86_400,
  quotaStatus: 429,
  quotaCode: '',
  quotaBody: null,
  deadTokenStatus: 401,
  deadTokenAnswer: null,
  deadTokenDelayMs: { min: 0, max: 0 },
  errorEncoding: 'identity',
  alwaysDead: false,
  earlyRefusal: false,
  apiDelayMs: 0,
  apiOverride: null,
  rateLimitPerSecond: null,
  loginMode: 'normal',
  loginModeCount: null,
  loginDelayMs: 0,
  loginPatch: {},
  badCredentialsStatus: 401,
  slowMs: 20_000,
  dripMs: 100,
  redirectTo: null,
};

/** Refresh knobs as they start. */
export const REFRESH_INITIAL: RefreshKnobs = {
  refreshTtlSeconds: null,
  // NOT KNOWN for either vendor. The harsher guess is the default: who passes it passes the milder one too.
  rotation: 'kill-old',
  rotationGraceSeconds: 0,
  graceReturns: 'same-pair',
  refreshTokenInAnswer: 'new',
  deadRefreshStatus: 401,
  refreshMode: 'normal',
  refreshModeCount: null,
  refreshDelayMs: 0,
  refreshPatch: {},
};

/** A knob was set that does not exist, or to something it cannot be. */
export class KnobError extends Error {}

/** Says what is wrong with a change of knobs; throws a `KnobError`. */
export function checkChange<K>(change: object, checks: Checks<K>): asserts change is Partial<K> {
  const table: Readonly<Record<string, Check>> = { ...checks };
  for (const [name, value] of Object.entries(change)) {
    const check = Object.hasOwn(table, name) ? table[name] : undefined;
    if (check === undefined) {
      const near = nearest(name, Object.keys(table));
      throw new KnobError(`there is no knob "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
    }
    if (!check.allows(value)) throw new KnobError(`knob "${name}" takes ${check.expects}`);
  }
}

/** Name → what it takes, for the help text. */
export function describeKnobs<K>(checks: Checks<K>): Record<string, string> {
  const table: Readonly<Record<string, Check>> = { ...checks };
  return Object.fromEntries(Object.entries(table).map(([name, check]) => [name, check.expects]));
}
