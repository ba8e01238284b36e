import { ownerIsGone } from '../app/process-identity.ts';
import type { StoreDependencies } from '../app/open-store.ts';
import { createLogger } from '../log.ts';

/** What a command opens a store with. Of the store it logs only what can lose tokens. */
export function storeDependencies(): StoreDependencies {
  return { log: createLogger('warn'), ownerIsGone };
}
