import { join } from 'node:path';
import { checkAccounts } from './account-checks.ts';
import { readDocument } from './document.ts';
import { expandLeaves, type ExpansionOptions } from './expand-leaves.ts';
import { reportIssue } from './schema-issues.ts';
import { configError, ConfigError, dotted, record, type ConfigIssue, type Report } from './issues.ts';
import type { KnownFlows } from './own-flows.ts';
import type { AccountConfig } from './schema.ts';
import { accountsSchema } from './schema/accounts.ts';
import { readNames, requireText } from './text-file.ts';

/**
 * The accounts in the files of a folder: each file is a mapping like `accounts` in the configuration. Throws a
 * ConfigError with every issue.
 */
export function accountsOfFolder(
  folder: string,
  flows: KnownFlows,
  options: Omit<ExpansionOptions, 'report'>,
  taken: ReadonlySet<string>,
): Record<string, AccountConfig> {
  let names: string[];
  try {
    // Not hidden files: editors leave some, and Kubernetes hides the folders behind its links.
    names = readNames(folder)
      .filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name))
      .sort();
  } catch (error) {
    throw configError(folder, `the folder cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
  const accounts: Record<string, AccountConfig> = {};
  const seen = new Map([...taken].map((name) => [name, 'the configuration']));
  const issues: ConfigIssue[] = [];
  for (const name of names) {
    const file = join(folder, name);
    try {
      const found = accountsOfFile(requireText(file), file, flows, options, seen);
      Object.assign(accounts, found);
      for (const account of Object.keys(found)) seen.set(account, file);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      issues.push(...error.issues.map((issue) => ({ ...issue, file })));
    }
  }
  if (issues.length > 0) throw new ConfigError(folder, issues);
  return accounts;
}

function accountsOfFile(
  text: string,
  file: string,
  flows: KnownFlows,
  options: Omit<ExpansionOptions, 'report'>,
  seen: ReadonlyMap<string, string>,
): Record<string, AccountConfig> {
  const document = readDocument(text, file);
  const issues: ConfigIssue[] = [];
  // The checks report `accounts.<name>`; in this file the names are at the top level.
  const report: Report = (path, message, code) =>
    void issues.push({ path: dotted(path.slice(1)), ...document.at(path.slice(1), code), code, message });
  const expanded = { accounts: expandLeaves(document.value ?? {}, ['accounts'], { ...options, report }) };
  const parsed = accountsSchema.safeParse(expanded.accounts);
  for (const issue of parsed.error?.issues ?? []) {
    reportIssue({ ...issue, path: ['accounts', ...issue.path] }, expanded, report);
  }
  checkAccounts(expanded, flows, (path) => document.sourceOf(path.slice(1)), report);
  for (const name of Object.keys(record(expanded.accounts))) {
    if (seen.has(name)) report(['accounts', name], `an account with this name exists in ${seen.get(name)!} already`);
  }
  if (issues.length > 0 || !parsed.success) {
    throw new ConfigError(
      file,
      issues.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
    );
  }
  return parsed.data;
}
