import { execFileSync } from 'node:child_process';

/** Lines of a file, as Stryker takes them: `src/a.ts:3-5`. */
export type Lines = ReadonlyMap<string, readonly string[]>;

const git = (...args: string[]): string =>
  execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

/**
 * The commit before the newest ones that touch these files. Undefined: no such commit is in this clone, as in one that
 * holds the newest only.
 */
export function beforeRecent(commits: number, files: readonly string[]): string | undefined {
  try {
    const found = git('log', `--max-count=${commits}`, '--format=%H %P', '--', ...files)
      .trim()
      .split('\n');
    // The first commit of a shallow clone seems to add every file, and has no parent.
    const parents = found.flatMap((line) => line.split(' ')[1] ?? []);
    return parents.at(-1);
  } catch {
    return undefined;
  }
}

/** The lines of files that were added or changed since a commit, by file. Throws if git does not know it. */
export function changedLines(ref: string, files: readonly string[]): Lines {
  return linesOf(git('diff', '--unified=0', '--no-color', '--no-ext-diff', '--no-prefix', ref, '--', ...files));
}

/** The same of a diff. */
export function linesOf(diff: string): Lines {
  const lines = new Map<string, string[]>();
  let file = '';
  for (const line of diff.split('\n')) {
    if (line.startsWith('+++ ')) file = line.slice('+++ '.length);
    const [, from, count = '1'] = /^@@ -\S+ \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    if (from === undefined || count === '0') continue;
    lines.set(file, [...(lines.get(file) ?? []), `${file}:${from}-${Number(from) + Number(count) - 1}`]);
  }
  return lines;
}
