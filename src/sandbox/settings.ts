import { z } from 'zod';
import { nearest } from '../nearest.ts';
import type { Json } from './json.ts';
import { customResponseSchema, statusSchema } from './response.ts';
import { SECRET_SHAPES } from './secrets.ts';
import { NAMED_MODES } from './token-modes.ts';
import { ROTATIONS } from './tokens.ts';

/*
 * Each setting is said once: what it is for, what it takes, how it starts. A vendor's own values go over the defaults.
 * The descriptions stand in the control API's help and in its complaints.
 */

const flag = z.boolean().describe('true or false');
const customResponse = customResponseSchema.describe('{status, headers?, body?, …}');
const patch = z.record(z.string(), z.custom<Json | undefined>()).describe('an object: dotted path → value');

const range = z
  .object({ min: z.number().min(0), max: z.number() })
  .refine(({ min, max }) => max >= min)
  .describe('{min, max}, milliseconds');

const mode = z
  .union([z.enum(NAMED_MODES), customResponse])
  .describe(`one of ${NAMED_MODES.join(', ')}, or {status, headers?, body?, …}`);

const apiOverride = customResponseSchema
  // For the next N requests only; by default for all.
  .extend({ count: z.number().min(1).optional() })
  .describe('{status, headers?, body?, count?, …}');

function atLeast(least: number): z.ZodNumber {
  return z.number().min(least).describe(`a number of at least ${least}`);
}

function oneOf<const V extends readonly string[]>(values: V) {
  return z.enum(values).describe(`one of ${values.join(', ')}`);
}

function orNull<T extends z.ZodType>(type: T): z.ZodNullable<T> {
  return type.nullable().describe(`${type.description ?? ''}, or null`);
}

/** What can be set on every vendor. */
export const commonSettings = z.strictObject({
  /** Life of new access tokens, in seconds (fractions allowed); null: as the vendor documents. */
  accessTtlSeconds: orNull(atLeast(0)).default(null),
  /** Look of new tokens. */
  tokenShape: oneOf(SECRET_SHAPES).default('opaque'),
  /** Put in front of new access and refresh tokens (in a JWT: in front of its signature). For canaries. */
  tokenPrefix: z.string().describe('a string').default(''),
  /** Shifts the vendor's clock: its lifetimes, its checks and its quota's 24 hours. */
  clockSkewSeconds: z.number().describe('a number').default(0),
  /** A new login kills the owner's earlier access tokens. */
  loginKillsOld: flag.default(false),

  /** Successful logins allowed per account within 24 hours; null: no limit. */
  quotaLimit: orNull(atLeast(0)).default(null),

  /** Status of the "token dead" refusal. */
  deadTokenStatus: statusSchema.describe('a status from 200 to 999').default(401),
  /** The whole "token dead" refusal, for odd shapes; `deadTokenStatus` is then ignored. */
  deadTokenAnswer: orNull(customResponse).default(null),
  /** Each "token dead" refusal is held back by a random time in this range. */
  deadTokenDelayMs: range.default({ min: 0, max: 0 }),
  /** Every API request is refused with "token dead", however good its token. */
  alwaysDead: flag.default(false),
  /** "Token dead" is said as soon as the header section has arrived, before the request body is read. */
  earlyRefusal: flag.default(false),

  /** API requests are carried out at once, and get their response after this time. */
  apiDelayMs: atLeast(0).default(0),
  /** The response to the next N, or all, API requests, whatever their token. Nothing is carried out. */
  apiOverride: orNull(apiOverride).default(null),

  /** How logins misbehave. */
  loginMode: mode.default('normal'),
  /** For the next N logins only, then back to `normal`; null: until changed. */
  loginModeCount: orNull(atLeast(1)).default(null),
  /** Logins wait this long *before* they are looked at (`slow` waits after the pair is issued). */
  loginDelayMs: atLeast(0).default(0),
  /** Changes to the JSON of responses to logins: dotted path → new value; `undefined` removes a field. */
  loginPatch: patch.default({}),

  /** How long `slow` waits. */
  slowMs: atLeast(0).default(20_000),
  /** Pause after each byte of `drip`. */
  dripMs: atLeast(0).default(100),
});

/** What can be set on a vendor that refreshes, besides. */
const refreshSettings = z.strictObject({
  /** Life of new refresh tokens, in seconds; null: as the vendor documents. */
  refreshTtlSeconds: orNull(atLeast(0)).default(null),
  /**
   * What a refresh does to the old pair. `keep-old`: nothing; `kill-old`: both old tokens die; `strict`: the same, and
   * using a spent refresh token again revokes every token that descends from the same login. NOT KNOWN for either
   * vendor. The harsher guess is the default: who passes it passes the milder one too.
   */
  rotation: oneOf(ROTATIONS).default('kill-old'),
  /** For so long after it was spent, a refresh token may be used again without harm. */
  rotationGraceSeconds: atLeast(0).default(0),
  /** What such a second use gets: the pair that the first use got, or one more new pair. */
  graceReturns: oneOf(['same-pair', 'new-pair']).default('same-pair'),
  /** The refresh token in the response to a refresh. Other than `new`, the one presented stays good. */
  refreshTokenInAnswer: oneOf(['new', 'same', 'omit', 'empty']).default('new'),
  /** How refreshes misbehave, as with logins. */
  refreshMode: mode.default('normal'),
  refreshModeCount: orNull(atLeast(1)).default(null),
  refreshDelayMs: atLeast(0).default(0),
  refreshPatch: patch.default({}),
});

/** What can be set on a vendor that refreshes. */
export const renewableSettings = commonSettings.extend(refreshSettings.shape);

/** The settings of a vendor; those of a refresh are missing where there is none. */
export type Settings = z.infer<typeof commonSettings> & Partial<z.infer<typeof refreshSettings>>;

/** The settings that a vendor has. */
type SettingsSchema = z.ZodObject<Record<string, z.ZodDefault<z.ZodType>>>;

/** A setting was set that does not exist, or to something it cannot be. */
export class SettingError extends Error {}

/** Throws a `SettingError` that tells all that is wrong with a change of settings. */
export function checkChange(change: object, { shape }: SettingsSchema): void {
  const mistakes = Object.entries(change).flatMap(([name, value]) => {
    // Without its default: an undefined value is none.
    const type = shape[name]?.unwrap();
    if (type !== undefined) return type.safeParse(value).success ? [] : [`setting "${name}" takes ${type.description}`];
    const near = nearest(name, Object.keys(shape));
    return [`there is no setting "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`];
  });
  if (mistakes.length > 0) throw new SettingError(mistakes.join('\n'));
}

/** Name → what it takes, for the help text. */
export function describeSettings({ shape }: SettingsSchema): Record<string, string> {
  return Object.fromEntries(Object.entries(shape).map(([name, type]) => [name, type.unwrap().description ?? '']));
}
