import { ownerIsGone } from '../app/process-identity.ts';
import type { StoreDependencies } from '../app/open-store.ts';
import { createLogger } from '../log.ts';

/** The dependencies with which commands open a store. Only warnings and errors are logged. */
export function storeDependencies(): StoreDependencies {
  return { log: createLogger('warn'), ownerIsGone };
}
