import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Flow } from '../flows/flow.ts';
import { readDocument } from './document.ts';
import { expandLeaves } from './expand-leaves.ts';
import { reportIssue } from './issues.ts';
import { ConfigError, dotted, record, type ConfigMistake, type Say } from './mistakes.ts';
import { checkAccounts, checkCredentials, flowOfAccount } from './references.ts';
import { accountName, accountSchema, accountsSchema, type AccountConfig } from './schema.ts';

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
export function accountsOfFolder(folder: string, flows: ReadonlyMap<string, Flow>, environment: Environment, taken: ReadonlySet<string>): Record<string, AccountConfig> {
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
      const found = accountsOfFile(readText(file), file, flows, environment, seen);
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

function accountsOfFile(text: string, file: string, flows: ReadonlyMap<string, Flow>, environment: Environment, seen: ReadonlyMap<string, string>): Record<string, AccountConfig> {
  const document = readDocument(text, file);
  const mistakes: ConfigMistake[] = [];
  // The checks speak of `accounts.<name>`; here the names stand at the top.
  const say: Say = (path, message) => void mistakes.push({ path: dotted(path.slice(1)), line: document.lineOf(path.slice(1)), message });
  const expanded = { accounts: expandLeaves(document.value ?? {}, ['accounts'], environment, say) };
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
  const byName = new Map<string, readonly [number, Readonly<Record<string, unknown>>]>();
  const mistakes: ConfigMistake[] = [];
  let line = 0;
  for (const text of readText(file).split('\n')) {
    line += 1;
    if (text === '' || text.trim() === '') continue;
    const before = mistakes.length;
    const say: Say = (path, message) => void mistakes.push({ path: dotted(path), line, message });
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      say([], 'not one JSON object');
    }
    if (mistakes.length === before) {
      if (text.includes('${')) value = expandLeaves(value, [], environment, say);
      const { name, credentials = {}, ...settings } = record(value);
      const known = typeof name === 'string' && accountName.safeParse(name).success;
      if (!known) say(['name'], name === undefined ? 'is missing' : 'must be a name of letters, digits, ".", "_" and "-", at most 100 characters');
      else if (taken.has(name) || byName.has(name)) say(['name'], 'there is an account of this name already');
      const key = JSON.stringify(settings);
      let index = kindOf.get(key);
      if (index === undefined) {
        const kind = kindFrom(settings, flows, say);
        if (kind !== undefined) kindOf.set(key, (index = kinds.push(kind) - 1));
      }
      if (index !== undefined && !fits(kinds[index]!.flow, credentials)) checkCredentials(kinds[index]!.flow, credentials, ['credentials'], () => undefined, say);
      if (mistakes.length === before) byName.set(name as string, [index!, credentials as Record<string, unknown>]);
    }
    if (mistakes.length >= MISTAKES_MOST) break;
  }
  if (mistakes.length > 0) throw new ConfigError(file, mistakes);
  return { kinds, byName };
}

/** What is not an account's own, checked. */
function kindFrom(settings: Readonly<Record<string, unknown>>, flows: ReadonlyMap<string, Flow>, say: Say): Kind | undefined {
  const parsed = accountSchema.safeParse(settings);
  if (!parsed.success) {
    const root = { accounts: { account: settings } };
    for (const issue of parsed.error.issues) reportIssue({ ...issue, path: ['accounts', 'account', ...issue.path] }, root, (path, message) => say(path.slice(2), message));
    return undefined;
  }
  const { credentials: _none, ...rest } = parsed.data;
  const flow = flows.get(rest.flow);
  if (flow === undefined) {
    say(['flow'], `there is no flow of this name; known: ${[...flows.keys()].join(', ')}`);
    return undefined;
  }
  if (flow.baseUrl === undefined && rest.baseUrl === undefined && flow.login?.url.startsWith('/') === true) {
    say([], `the flow ${rest.flow} needs a baseUrl here`);
    return undefined;
  }
  return { settings: rest, flow: flowOfAccount(flow, parsed.data) };
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

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, [{ path: '', line: undefined, message: `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})` }]);
  }
}
