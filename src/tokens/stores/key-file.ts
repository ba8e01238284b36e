import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync } from 'node:fs';
import { rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from '../store.ts';
import { makeFolder, syncFolder } from './durable-folder.ts';
import { reason } from './file-error.ts';

const KEY_FILE = 'store.key';

/** Whether there is a key beside the store. */
export function hasKeyBeside(path: string): boolean {
  return existsSync(join(path, KEY_FILE));
}

/**
 * The key beside the store, made on first use with mode 0600. `created`: it was made now; the operator is warned that a
 * copy of the folder contains the key. `exposed`: other users of this host could read it until now.
 */
export function keyBesideStore(path: string): { text: string; created: boolean; exposed: boolean; file: string } {
  makeFolder(path);
  const file = join(path, KEY_FILE);
  if (!existsSync(file)) {
    const draft = `${file}.${randomBytes(6).toString('hex')}`;
    const text = randomBytes(32).toString('base64');
    try {
      const fd = openSync(draft, 'wx', 0o600);
      writeSync(fd, `${text}\n`);
      fsyncSync(fd);
      closeSync(fd);
      // A link is atomic, and succeeds only for the first of several starting processes.
      linkSync(draft, file);
      syncFolder(path);
      return { text, created: true, exposed: false, file };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new StoreError(`The store key ${file} cannot be made: ${reason(error)}.`);
      }
    } finally {
      rmSync(draft, { force: true });
    }
  }
  try {
    const exposed = (statSync(file).mode & 0o077) !== 0;
    // Another owner's file cannot be changed, but is reported.
    if (exposed) attempt(() => chmodSync(file, 0o600));
    return { text: readFileSync(file, 'utf8'), created: false, exposed, file };
  } catch (error) {
    throw new StoreError(`The store key ${file} cannot be read: ${reason(error)}.`);
  }
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // The mode stays as it was.
  }
}
