import type { Options } from './options.ts';
import { storeCopy } from './store-copy.ts';
import { storePrune } from './store-prune.ts';
import { UsageError } from './usage-error.ts';

/** `tokenward store copy` and `tokenward store prune`. */
export function store(options: Options, what: string | undefined): Promise<void> {
  if (what === 'copy') return storeCopy(options);
  if (what === 'prune') return storePrune(options);
  throw new UsageError(
    what === undefined
      ? 'store needs to know what to do: store copy, or store prune'
      : `store cannot "${what}"; it can copy and prune`,
  );
}
