import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { MAIN } from '../support/process.ts';

/** A page of docs/runbooks, as far as commands are run from it. */
export interface Runbook {
  /** The whole page. */
  readonly text: string;
  /** The commands of "Check", and the lines that they print; `…` stands for anything. */
  readonly check: string;
  readonly prints: readonly string[];
  /** The commands of "Fix". */
  readonly fix: string;
}

export const SECTIONS = ['Check', 'Fix', 'When it clears', 'What not to do'];

/** The page of an alert. Throws if it lacks a section or a block. */
export function readRunbook(alert: string): Runbook {
  const text = readFileSync(`docs/runbooks/${alert}.md`, 'utf8');
  const section = (title: string): string => {
    const found = new RegExp(`\n## ${title}\n\n([\\s\\S]*?)(?=\n## |$)`).exec(text)?.[1];
    if (found === undefined || found.trim() === '') throw new Error(`${alert} has no section "${title}"`);
    return found;
  };
  const block = (title: string, language: string): string => {
    const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(section(title))?.[1];
    if (found === undefined) throw new Error(`${alert} has no ${language} block in "${title}"`);
    return found.trimEnd();
  };
  for (const title of SECTIONS) section(title);
  return { text, check: block('Check', 'sh'), prints: block('Check', 'text').split('\n'), fix: block('Fix', 'sh') };
}

/** The lines of a page's output that none of the printed lines looks like. Digits stand for any number. */
export function missingIn(printed: string, lines: readonly string[]): readonly string[] {
  const seen = printed.split('\n');
  return lines.filter((line) => {
    const pattern = line
      .split(/\s*…\s*/)
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/\d+(\\\.\d+)?/g, '[\\d.]+'))
      .map((part) => part.replaceAll(/\s+/g, '\\s+'))
      .join('.*');
    const shape = new RegExp(`^${pattern}$`);
    return !seen.some((text) => shape.test(text.trimEnd()));
  });
}

/** Runs the commands of a block in bash, with `tokenward` on the path. Gives back all that they print. */
export function typed(
  commands: string,
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; printed: string }> {
  const program = join(folder, 'tokenward');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(program, 0o755);
  const path = `${folder}${delimiter}${process.env['PATH'] ?? ''}`;
  return new Promise((done) => {
    execFile(
      'bash',
      ['-c', `set -o pipefail\n${commands}`],
      { cwd: folder, env: { ...process.env, ...env, PATH: path } },
      (error, stdout, stderr) => done({ code: error === null ? 0 : Number(error.code ?? 1), printed: stdout + stderr }),
    );
  });
}
