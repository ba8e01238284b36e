import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An account of the flow `static`, whose token shows who it is. */
export function staticAccount(name: string): Record<string, unknown> {
  return { flow: 'static', credentials: { token: `token-of-${name}` } };
}

/** A generated file of accounts, one line for each. */
export function writeLines(folder: string, lines: readonly (Record<string, unknown> | string)[]): string {
  const file = join(folder, 'accounts.jsonl');
  writeFileSync(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return file;
}

/** A folder of account files. */
export function writeFolder(folder: string, files: Readonly<Record<string, string>>): string {
  const directory = join(folder, 'accounts.d');
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}
