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
];
