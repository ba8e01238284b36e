import { execFileSync } from 'node:child_process';
import { HELP_OPTION, parseValues, UsageError } from '../harness/options.ts';
import { beforeRecent, changedLines, type Lines } from './changed-lines.ts';
import { GROUPS, type Group } from './groups.ts';

export const HELP = `npm run mutate -- [options]

Changes the code in one place at a time and runs the tests that cover it: a test should fail. docs/mutation.md says more.

  --night        everything
  --group G,H    only these groups: ${GROUPS.map(({ name }) => name).join(', ')}
  --since REF    only files that differ from a commit
  --file F,G     only these files
  --recent N     only lines that the newest N commits changed which touch the groups' files; fails below the bar
                 only with twenty mutants or more
  --minutes N    end after so long, whatever is under way, and judge the mutants that ran
  --again        reuse what the last run found, where neither the file nor its tests have changed
  --jobs N       how many processes run tests (1)
  --measure      list the tests that are too slow for these runs anew: about ten minutes
  --help         show this
`;

export interface Options {
  /** Which groups run, and which of their files. */
  readonly parts: readonly Part[];
  readonly again: boolean;
  readonly jobs: number;
  /** Undefined: as long as it takes. */
  readonly minutes: number | undefined;
  /** Only lines that changed are mutated. */
  readonly recent: boolean;
  readonly measure: boolean;
  readonly help: boolean;
}

export interface Part {
  readonly group: Group;
  readonly files: readonly string[];
  /** The files, or lines of them, as Stryker takes them. */
  readonly mutate: readonly string[];
}

export function parseOptions(args: string[]): Options {
  const { night, group, since, file, recent, minutes, again, jobs, measure, help } = parseValues(args, {
    night: { type: 'boolean', default: false },
    group: { type: 'string' },
    since: { type: 'string' },
    file: { type: 'string' },
    recent: { type: 'string' },
    minutes: { type: 'string' },
    again: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
    measure: { type: 'boolean', default: false },
    ...HELP_OPTION,
  });
  const runs = night || (group ?? since ?? file ?? recent) !== undefined;
  if (!runs && !help && !measure) throw new UsageError('give --night, --group, --since, --file or --recent');
  if (!/^[1-9]\d?$/.test(jobs)) throw new UsageError('--jobs must be a whole number');
  for (const [name, value] of Object.entries({ recent, minutes }))
    if (value !== undefined && !/^[1-9]\d?$/.test(value)) throw new UsageError(`--${name} must be a whole number`);
  if (recent !== undefined && (file ?? since) !== undefined) throw new UsageError('--recent goes with --group only');
  const groups = group !== undefined ? group.split(',').map(named) : runs ? GROUPS : [];
  const only = file?.split(',') ?? (since === undefined ? undefined : changedSince(since));
  const unknown = file?.split(',').find((one) => !groups.some(({ files }) => files.includes(one)));
  if (unknown !== undefined) throw new UsageError(`no group has the file ${unknown}`);
  const lines = recent === undefined ? undefined : recentLines(Number(recent), groups);
  const parts = groups
    .map((one): Part => {
      const files = one.files.filter((path) => only?.includes(path) ?? lines?.has(path) ?? true);
      return { group: one, files, mutate: files.flatMap((path) => lines?.get(path) ?? [path]) };
    })
    .filter(({ files }) => files.length > 0);
  return {
    parts,
    again,
    jobs: Number(jobs),
    minutes: minutes === undefined ? undefined : Number(minutes),
    recent: recent !== undefined,
    measure,
    help,
  };
}

function named(name: string): Group {
  const group = GROUPS.find((one) => one.name === name);
  if (group === undefined) throw new UsageError(`--group does not know "${name}"`);
  return group;
}

function recentLines(commits: number, groups: readonly Group[]): Lines {
  const files = groups.flatMap((group) => group.files);
  const ref = beforeRecent(commits, files);
  // A clone that holds the newest commit only knows of no change.
  return ref === undefined ? new Map() : changedLines(ref, files);
}

function changedSince(ref: string): string[] {
  try {
    return execFileSync('git', ['diff', '--name-only', ref, '--', 'src'], { encoding: 'utf8' }).split('\n');
  } catch {
    throw new UsageError(`git does not know what differs from "${ref}"`);
  }
}
