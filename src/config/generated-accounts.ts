import type { Flow } from '../flows/flow.ts';
import { overrides } from './account-checks.ts';
import { checkAccountCredentials } from './credential-checks.ts';
import { expandLeaves } from './expand-leaves.ts';
import { needsBaseUrl } from './flow-checks.ts';
import { flowOfAccount } from './flow-of-account.ts';
import { reportIssue } from './schema-issues.ts';
import { ConfigError, dotted, record, type ConfigIssue, type Report } from './issues.ts';
import type { KnownFlows } from './own-flows.ts';
import type { AccountConfig } from './schema.ts';
import { accountSchema } from './schema/accounts.ts';
import { NAME, NAME_FORM } from './schema/values.ts';
import { requireText } from './text-file.ts';
import { needsFullCheck, type PlaceOf } from './usable-credentials.ts';

/*
 * Accounts in one generated file, which may hold a hundred thousand of them. They are kept as they were read, and
 * converted for the proxy only when they are used.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** What accounts of a generated file share: everything but name and credentials. */
interface AccountProfile {
  readonly settings: Omit<AccountConfig, 'credentials'>;
  readonly flow: Flow;
}

/** Accounts of a generated file. Plain data, so that it can be sent to another process. */
export interface GeneratedAccounts {
  readonly profiles: readonly AccountProfile[];
  /** By name: the index in `profiles`, and the credentials. */
  readonly byName: ReadonlyMap<string, readonly [profile: number, credentials: Readonly<Record<string, unknown>>]>;
}

export const NO_GENERATED: GeneratedAccounts = { profiles: [], byName: new Map() };

/** Issues in one error: more than a person reads at once. */
const MAX_ISSUES = 50;

/**
 * The accounts of a generated file: one JSON object per line, with `name` and the keys of an account. What accounts
 * share is checked once, so that many of them cost little more than reading them. Throws a ConfigError with the first
 * issues.
 */
export function accountsOfLines(
  file: string,
  flows: KnownFlows,
  environment: Environment,
  taken: ReadonlySet<string>,
): GeneratedAccounts {
  const profiles: AccountProfile[] = [];
  const indexOfProfile = new Map<string, number>();
  // By index in `profiles`: whether its accounts need the full check.
  const fullCheck: boolean[] = [];
  const byName = new Map<string, readonly [number, Readonly<Record<string, unknown>>]>();
  const issues: ConfigIssue[] = [];
  let line = 0;
  const report: Report = (path, message) => void issues.push({ path: dotted(path), line, message });
  for (const text of requireText(file).split('\n')) {
    line += 1;
    if (text.trim() === '') continue;
    const before = issues.length;
    const value = objectIn(text, environment, report);
    if (value !== undefined) {
      const { name, credentials = {} } = value;
      if (typeof name !== 'string' || !NAME.test(name)) report(['name'], name === undefined ? 'is missing' : NAME_FORM);
      else if (byName.has(name) || taken.has(name)) report(['name'], 'an account with this name exists already');
      const key = profileKey(value);
      let index = indexOfProfile.get(key);
      if (index === undefined) {
        const profile = profileFrom(without(value, 'name', 'credentials'), flows, report);
        if (profile !== undefined) indexOfProfile.set(key, (index = profiles.push(profile) - 1));
        if (profile !== undefined) fullCheck.push(needsFullCheck(profile.flow));
      }
      if (index !== undefined) {
        const { flow, settings } = profiles[index]!;
        if (fullCheck[index] === true || !isSimple(flow, credentials)) {
          const placeOf: PlaceOf = (place) =>
            place[0] === 'attach' && settings.attach !== undefined
              ? 'attach of this account'
              : flows.placeOf(settings.flow, place);
          checkAccountCredentials(flow, credentials, ['credentials'], { sourceOf: () => undefined, placeOf }, report);
        }
      }
      if (issues.length === before) byName.set(name as string, [index!, credentials as Record<string, unknown>]);
    }
    if (issues.length >= MAX_ISSUES) break;
  }
  if (issues.length > 0) throw new ConfigError(file, issues);
  return { profiles, byName };
}

function objectIn(
  text: string,
  environment: Environment,
  report: Report,
): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (record(value) !== value) {
    report([], 'not one JSON object');
    return undefined;
  }
  return record(text.includes('${') ? expandLeaves(value, [], { environment, report, generated: true }) : value);
}

/** The same text for accounts that differ only in name and credentials. */
function profileKey(value: Readonly<Record<string, unknown>>): string {
  let key = '';
  for (const name in value) {
    if (name === 'name' || name === 'credentials') continue;
    const setting = value[name];
    key += `${name}:${typeof setting === 'string' ? `"${setting}` : JSON.stringify(setting)}\n`;
  }
  return key;
}

/** Checks what accounts share and makes it a profile. */
function profileFrom(
  written: Readonly<Record<string, unknown>>,
  flows: KnownFlows,
  report: Report,
): AccountProfile | undefined {
  const parsed = accountSchema.safeParse(written);
  if (!parsed.success) {
    const root = { accounts: { account: written } };
    const reportHere: Report = (path, message) => report(path.slice(2), message);
    for (const issue of parsed.error.issues) {
      reportIssue({ ...issue, path: ['accounts', 'account', ...issue.path] }, root, reportHere);
    }
    return undefined;
  }
  const settings = without(parsed.data, 'credentials');
  const flow = flows.get(settings.flow);
  if (flow === undefined) {
    report(['flow'], flows.unknown(settings.flow));
    return undefined;
  }
  if (flow.baseUrl === undefined && settings.baseUrl === undefined && needsBaseUrl(flow)) {
    report([], `the flow ${settings.flow} needs a baseUrl here`);
    return undefined;
  }
  overrides(flow, settings.attach, settings.budget, [], report);
  return { settings, flow: flowOfAccount(flow, parsed.data) };
}

/** The usual case, checked fast: every required credential is there as text, and nothing else but optional text. */
function isSimple(flow: Flow, credentials: unknown): boolean {
  const given = record(credentials);
  let required = 0;
  for (const name in given) {
    const need = Object.hasOwn(flow.credentials, name) ? flow.credentials[name] : undefined;
    const value = given[name];
    if (need === undefined || typeof value !== 'string' || value === '' || value.includes('://')) return false;
    if (need === 'required') required += 1;
  }
  for (const name in flow.credentials) if (flow.credentials[name] === 'required') required -= 1;
  return required === 0 && given === credentials;
}

function without<T extends object, K extends string>(value: T, ...keys: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key as K))) as Omit<T, K>;
}
