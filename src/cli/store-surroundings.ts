import { ownerIsGone } from '../app/process-identity.ts';
import type { StoreSurroundings } from '../app/open-store.ts';
import { createLogger } from '../log.ts';

/** What a command opens a store with. Of the store it logs only what can lose tokens. */
export function storeSurroundings(): StoreSurroundings {
  return { log: createLogger('warn'), ownerIsGone };
}
