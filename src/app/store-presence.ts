import type { LoadedConfig } from '../config/load.ts';
import { StoreError } from '../tokens/store.ts';
import { EmbeddedStore } from '../tokens/stores/embedded.ts';
import { hasKeyBeside } from '../tokens/stores/key-file.ts';

/** False: opening the store would make it. Redis always exists, or cannot be opened. */
export function storeIsThere({ store }: Pick<LoadedConfig, 'store'>): boolean {
  return store.type !== 'embedded' || EmbeddedStore.isIn(store.path);
}

/** Throws a StoreError if there is no store: reading from one must not make it. */
export function requireStore({ store }: LoadedConfig, what: string): void {
  if (store.type !== 'embedded') return;
  if (!EmbeddedStore.isIn(store.path)) {
    throw new StoreError(`There is no store in ${store.path}, so there is nothing to ${what}.`);
  }
  if (store.key === undefined && !hasKeyBeside(store.path)) {
    throw new StoreError(`The key of the store in ${store.path} is not beside it. Put it in store.key.`);
  }
}
