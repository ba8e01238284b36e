import type { Equivalent } from './equivalent.ts';

export const STORES_EQUIVALENT: readonly Equivalent[] = [
  {
    file: 'src/tokens/stores/durable-folder.ts',
    at: "if (!['EINVAL', 'EPERM', 'ENOTSUP', 'EBADF'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;",
    was: "''",
    now: '"Stryker was here!"',
    reason: 'The one text is in the list as little as the other.',
  },
  {
    file: 'src/tokens/stores/lmdb-console.ts',
    at: "if (args.length === 1 && error instanceof Error && /[\\\\/]node_modules[\\\\/]lmdb[\\\\/]/.test(error.stack ?? ''))",
    was: "''",
    now: '"Stryker was here!"',
    reason: 'The pattern finds nothing in either.',
  },
  {
    file: 'src/tokens/stores/lmdb-file.ts',
    at: "export const UNKNOWN = 'unknown';",
    was: "'unknown'",
    now: '""',
    reason: 'It is compared with itself, and no inode is like either.',
  },
  ...[
    ['{ bigint: true }', '{}'],
    ['true', 'false'],
  ].map(([was, now]) => ({
    file: 'src/tokens/stores/lmdb-file.ts',
    at: 'const { dev, ino } = statSync(file, { bigint: true });',
    was: was!,
    now: now!,
    reason: 'It matters to file systems with inode numbers beyond 2^53 only.',
  })),
  {
    file: 'src/tokens/stores/lmdb-open.ts',
    at: 'for (const name of [file, `${file}-lock`]) if (existsSync(name)) chmodSync(name, 0o600);',
    was: 'existsSync(name)',
    now: 'true',
    reason: 'LMDB has made both by then; a version without a lock file is allowed for.',
  },
  {
    file: 'src/tokens/stores/lmdb-open.ts',
    at: "'Redis.',",
    was: "'Redis.'",
    now: '""',
    reason: 'The end of a text for people.',
  },
  {
    file: 'src/tokens/stores/write-deadline.ts',
    at: 'cancel?.();',
    was: 'cancel?.()',
    now: 'cancel()',
    reason: 'A promise runs its function at once, so that it is set; the compiler cannot know.',
  },
];
