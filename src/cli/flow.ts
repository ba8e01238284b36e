import { flowNew } from './flow-new.ts';
import { flowTry } from './flow-try.ts';
import type { Options } from './options.ts';
import { UsageError } from './usage-error.ts';

/** `tokenward flow try ACCOUNT` and `tokenward flow new`. */
export function flow(options: Options, what: string | undefined, account: string | undefined): Promise<void> {
  if (what === 'try') return flowTry(options, account);
  if (what !== 'new') {
    throw new UsageError(
      what === undefined
        ? 'flow needs to know what to do: flow try ACCOUNT, or flow new'
        : `flow cannot "${what}"; it can try and new`,
    );
  }
  if (account !== undefined) throw new UsageError('too many words after flow new; its name comes from --name');
  return flowNew(options);
}
