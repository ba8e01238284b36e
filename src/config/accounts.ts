import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Flow } from '../flows/flow.ts';
import { readDocument } from './document.ts';
import { expandLeaves, type Expanding } from './expand-leaves.ts';
import { reportIssue } from './issues.ts';
import { ConfigError, dotted, record, type ConfigMistake, type Say } from './mistakes.ts';
import { isParticular, needsBaseUrl } from './flow-checks.ts';
import { checkAccounts, checkAllGiven, flowOfAccount, noFlow, overrides } from './references.ts';
import type { AccountConfig } from './schema.ts';
import { accountSchema, accountsSchema } from './schema/accounts.ts';
import { NAME, NAME_FORM } from './schema/values.ts';
import { readText } from './text-file.ts';

/*
 * Accounts that do not stand in the configuration itself: from a folder of files written by hand, or from one file that
 * a program writes, which may hold a hundred thousand of them. Those are kept as they are read and made into what the
 * proxy works with only when somebody uses them.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** What accounts of a generated file have in common but their credentials. */
interface Kind {
  readonly settings: Omit<AccountConfig, 'credentials'>;
  readonly flow: Flow;
}

/** Accounts of a generated file. Plain data, so that it can be sent to another process. */
export interface GeneratedAccounts {
  readonly kinds: readonly Kind[];
  /** By name: the place in `kinds`, and the credentials. */
  readonly byName: ReadonlyMap<string, readonly [kind: number, credentials: Readonly<Record<string, unknown>>]>;
}

export const NO_GENERATED: GeneratedAccounts = { kinds: [], byName: new Map() };

/** More mistakes than anybody reads at once. */
const MISTAKES_MOST = 50;

/** The accounts in the files of a folder: each file is a mapping of names, like `accounts` in the configuration. Throws a ConfigError with every mistake. */
export function accountsOfFolder(folder: string, flows: ReadonlyMap<string, Flow>, how: Omit<Expanding, 'say'>, taken: ReadonlySet<string>): Record<string, AccountConfig> {
  let names: string[];
  try {
    // Editors leave hidden files, and Kubernetes hides the folders that its links lead to.
    names = readdirSync(folder).filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name)).sort();
  } catch (error) {
    throw new ConfigError(folder, [{ path: '', line: undefined, message: `the folder cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})` }]);
  }
  const accounts: Record<string, AccountConfig> = {};
  const seen = new Map([...taken].map((name) => [name, 'the configuration']));
  const mistakes: ConfigMistake[] = [];
  for (const name of names) {
    const file = join(folder, name);
    try {
      const found = accountsOfFile(textOf(file), file, flows, how, seen);
      Object.assign(accounts, found);
      for (const account of Object.keys(found)) seen.set(account, file);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      mistakes.push(...error.mistakes.map((mistake) => ({ ...mistake, file })));
    }
  }
  if (mistakes.length > 0) throw new ConfigError(folder, mistakes);
  return accounts;
}

function accountsOfFile(text: string, file: string, flows: ReadonlyMap<string, Flow>, how: Omit<Expanding, 'say'>, seen: ReadonlyMap<string, string>): Record<string, AccountConfig> {
  const document = readDocument(text, file);
  const mistakes: ConfigMistake[] = [];
  // The checks speak of `accounts.<name>`; here the names stand at the top.
  const say: Say = (path, message) => void mistakes.push({ path: dotted(path.slice(1)), line: document.lineOf(path.slice(1)), message });
  const expanded = { accounts: expandLeaves(document.value ?? {}, ['accounts'], { ...how, say }) };
  const parsed = accountsSchema.safeParse(expanded.accounts);
  for (const issue of parsed.error?.issues ?? []) reportIssue({ ...issue, path: ['accounts', ...issue.path] }, expanded, say);
  checkAccounts(expanded, flows, (path) => document.sourceOf(path.slice(1)), say);
  for (const name of Object.keys(record(expanded.accounts))) if (seen.has(name)) say(['accounts', name], `there is an account of this name in ${seen.get(name)!} already`);
  if (mistakes.length > 0 || !parsed.success) throw new ConfigError(file, mistakes.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  return parsed.data;
}

/**
 * The accounts of a generated file: one JSON object in each line, with `name` and the keys of an account. What the
 * accounts have in common is checked once, so that many of them cost little more than reading them. Throws a ConfigError
 * with the first mistakes.
 */
export function accountsOfLines(file: string, flows: ReadonlyMap<string, Flow>, environment: Environment, taken: ReadonlySet<string>): GeneratedAccounts {
  const kinds: Kind[] = [];
  const kindOf = new Map<string, number>();
  // By the place in `kinds`: accounts of it are looked at one by one.
  const particular: boolean[] = [];
  const byName = new Map<string, readonly [number, Readonly<Record<string, unknown>>]>();
  const mistakes: ConfigMistake[] = [];
  let line = 0;
  const say: Say = (path, message) => void mistakes.push({ path: dotted(path), line, message });
  for (const text of textOf(file).split('\n')) {
    line += 1;
    if (text.trim() === '') continue;
    const before = mistakes.length;
    const value = objectIn(text, environment, say);
    if (value !== undefined) {
      const { name, credentials = {} } = value;
      if (typeof name !== 'string' || !NAME.test(name)) say(['name'], name === undefined ? 'is missing' : NAME_FORM);
      else if (byName.has(name) || taken.has(name)) say(['name'], 'there is an account of this name already');
      const key = kindKey(value);
      let index = kindOf.get(key);
      if (index === undefined) {
        const kind = kindFrom(without(value, 'name', 'credentials'), flows, say);
        if (kind !== undefined) kindOf.set(key, (index = kinds.push(kind) - 1));
        if (kind !== undefined) particular.push(isParticular(kind.flow));
      }
      if (index !== undefined) {
        const { flow } = kinds[index]!;
        if (particular[index] === true || !fits(flow, credentials)) checkAllGiven(flow, credentials, ['credentials'], () => undefined, say);
      }
      if (mistakes.length === before) byName.set(name as string, [index!, credentials as Record<string, unknown>]);
    }
    if (mistakes.length >= MISTAKES_MOST) break;
  }
  if (mistakes.length > 0) throw new ConfigError(file, mistakes);
  return { kinds, byName };
}

function objectIn(text: string, environment: Environment, say: Say): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (record(value) !== value) {
    say([], 'not one JSON object');
    return undefined;
  }
  return record(text.includes('${') ? expandLeaves(value, [], { environment, say, generated: true }) : value);
}

/** The same text for accounts that differ in nothing but name and credentials. */
function kindKey(value: Readonly<Record<string, unknown>>): string {
  let key = '';
  for (const name in value) {
    if (name === 'name' || name === 'credentials') continue;
    const setting = value[name];
    key += `${name}:${typeof setting === 'string' ? `"${setting}` : JSON.stringify(setting)}\n`;
  }
  return key;
}

/** What is not an account's own, checked. */
function kindFrom(written: Readonly<Record<string, unknown>>, flows: ReadonlyMap<string, Flow>, say: Say): Kind | undefined {
  const parsed = accountSchema.safeParse(written);
  if (!parsed.success) {
    const root = { accounts: { account: written } };
    for (const issue of parsed.error.issues) reportIssue({ ...issue, path: ['accounts', 'account', ...issue.path] }, root, (path, message) => say(path.slice(2), message));
    return undefined;
  }
  const settings = without(parsed.data, 'credentials');
  const flow = flows.get(settings.flow);
  if (flow === undefined) {
    say(['flow'], noFlow(settings.flow, [...flows.keys()]));
    return undefined;
  }
  if (flow.baseUrl === undefined && settings.baseUrl === undefined && needsBaseUrl(flow)) {
    say([], `the flow ${settings.flow} needs a baseUrl here`);
    return undefined;
  }
  overrides(flow, settings.attach, settings.budget, [], say);
  return { settings, flow: flowOfAccount(flow, parsed.data) };
}

/** The usual case, seen at a glance: every required credential is there as text, and nothing else but optional text. */
function fits(flow: Flow, credentials: unknown): boolean {
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

function textOf(file: string): string {
  try {
    return readText(file);
  } catch (error) {
    throw new ConfigError(file, [{ path: '', line: undefined, message: `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})` }]);
  }
}
