import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StoreError } from '../store.ts';
import { reason } from './file-error.ts';

/** Makes the store's folder and its missing parents, so that they survive a power failure. Throws a StoreError. */
export function makeFolder(path: string): void {
  try {
    const first = mkdirSync(path, { recursive: true, mode: 0o700 });
    // A new folder survives a power failure once its parent has been synced.
    for (let made = resolve(path); first !== undefined && made.length >= resolve(first).length; made = dirname(made)) {
      syncFolder(dirname(made));
    }
  } catch (error) {
    const what = `The store folder ${path} cannot be made: ${reason(error)}.`;
    throw new StoreError(`${what} Set store.path to a folder this user may write.`);
  }
}

/** Makes a folder's entries durable. Systems that cannot sync a folder are passed over. */
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
