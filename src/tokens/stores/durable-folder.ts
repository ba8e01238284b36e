import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StoreError } from '../store.ts';
import { reason } from './file-error.ts';

/** Makes the store's folder, and what it stands in, so that they outlive a power failure. Throws a StoreError. */
export function makeFolder(path: string): void {
  try {
    const first = mkdirSync(path, { recursive: true, mode: 0o700 });
    // A folder outlives a power failure when the one that holds its name has been synced: so for each that is new.
    for (let made = resolve(path); first !== undefined && made.length >= resolve(first).length; made = dirname(made)) {
      syncFolder(dirname(made));
    }
  } catch (error) {
    const what = `The store folder ${path} cannot be made: ${reason(error)}.`;
    throw new StoreError(`${what} Set store.path to a folder this user may write.`);
  }
}

/** Makes durable which names a folder holds. A system that cannot sync a folder has its own ways. */
export function syncFolder(path: string): void {
  let folder: number;
  try {
    folder = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(folder);
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP', 'EBADF'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    closeSync(folder);
  }
}
