import { pause, readBody, respond, type Exchange } from './exchange.ts';
import { parseFields, type Fields } from './json.ts';
import type { Settings } from './settings.ts';
import { applyPatch, issues, respondInMode, type TokenRequestMode } from './token-modes.ts';
import type { Pair } from './tokens.ts';
import type { Vendor } from './vendor.ts';
import type { Refusal } from './vendors/dialect.ts';

/** A pair given out, and what the response holds as its refresh token; undefined: nothing. */
interface Issued {
  readonly pair: Pair;
  readonly refreshToken: string | undefined;
}

/** Serves a login or a refresh. */
export async function serveTokenRequest(vendor: Vendor, x: Exchange, kind: 'login' | 'refresh'): Promise<void> {
  const { dialect, settings } = vendor;
  const mode = takeMode(settings, kind);
  const fields = parseFields(await readBody(x));
  await pause(settings[`${kind}DelayMs`] ?? 0);
  if (!issues(mode)) {
    await respondInMode(mode, { x, body: null, settings });
    return;
  }
  const lifetime = mode !== 'no-lifetime';
  const issued = kind === 'login' ? login(vendor, x, fields, lifetime) : refresh(vendor, x, fields, lifetime);
  if ('refused' in issued) {
    respond(x, issued.refused, issued.outcome, issued.reason);
    return;
  }
  const { pair, refreshToken } = issued;
  x.entry.issued = pair.id;
  const body = applyPatch(dialect.pairBody(pair, { lifetime, refreshToken }), settings[`${kind}Patch`] ?? {});
  await respondInMode(mode, { x, body, settings });
}

/** Judges a login, and issues a pair. */
function login(vendor: Vendor, x: Exchange, fields: Fields | undefined, lifetime: boolean): Issued | Refusal {
  const { accounts, dialect, settings, tokens } = vendor;
  const asked = dialect.readLogin(x, fields);
  if ('refused' in asked) return asked;
  const { presented, ttlSeconds } = asked;
  if (!accounts.some((account) => holds(account, presented))) {
    return { refused: dialect.badCredentials, outcome: 'refused', reason: 'bad-credentials' };
  }
  const owner = dialect.ownerOf(presented);
  if (settings.quotaLimit !== null && vendor.quotaUsed(owner) >= settings.quotaLimit) {
    return { refused: dialect.tooManyLogins, outcome: 'quota', reason: null };
  }
  vendor.countLogin(owner);
  if (settings.loginKillsOld) tokens.revokeAll(owner);
  const pair = tokens.issue(owner, vendor.newPair(owner, ttlSeconds, lifetime));
  return { pair, refreshToken: pair.refresh.secret };
}

/** Judges a refresh, spends its token, and issues a pair. */
function refresh(vendor: Vendor, x: Exchange, fields: Fields | undefined, lifetime: boolean): Issued | Refusal {
  const { dialect, names, tokens } = vendor;
  if (dialect.refresh === undefined) throw new Error('this vendor does not refresh');
  // Where there is a refresh, there are its settings.
  const {
    rotation,
    graceReturns,
    rotationGraceSeconds,
    refreshTokenInAnswer: style,
  } = vendor.settings as Required<Settings>;
  const asked = dialect.refresh.read(x, fields);
  if ('refused' in asked) return asked;
  const { presented, ttlSeconds } = asked;
  x.entry.refreshTokenId = names.get(presented.refreshToken) ?? null;
  // RFC 6749 §6: a response without a refresh token means that the old one goes on.
  const rule = { rotation, graceReturns, graceMs: rotationGraceSeconds * 1_000, carryOn: style !== 'new' };
  const pair = tokens.spend(presented.refreshToken, rule, (owner) => vendor.newPair(owner, ttlSeconds, lifetime));
  if (typeof pair === 'string') return { refused: dialect.refresh.dead, outcome: 'refused', reason: pair };
  return { pair, refreshToken: style === 'omit' ? undefined : style === 'empty' ? '' : pair.refresh.secret };
}

/** The mode of this request; one that holds for some requests only is counted down. */
function takeMode(settings: Settings, kind: 'login' | 'refresh'): TokenRequestMode {
  const mode = settings[`${kind}Mode`] ?? 'normal';
  const left = settings[`${kind}ModeCount`] ?? null;
  if (mode === 'normal' || left === null) return mode;
  settings[`${kind}ModeCount`] = left > 1 ? left - 1 : null;
  if (left <= 1) settings[`${kind}Mode`] = 'normal';
  return mode;
}

/** Whether an account has these credentials, whatever else it has. */
function holds(account: object, credentials: object): boolean {
  const known: Readonly<Record<string, unknown>> = { ...account };
  return Object.entries(credentials).every(([name, value]) => known[name] === value);
}
