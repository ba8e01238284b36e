import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync } from 'node:fs';
import { rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from '../store.ts';
import { makeFolder, syncFolder } from './durable-folder.ts';
import { reason } from './file-error.ts';

const KEY_FILE = 'store.key';

/** Whether a key lies beside the store. */
export function hasKeyBeside(path: string): boolean {
  return existsSync(join(path, KEY_FILE));
}

/**
 * The key beside the store, made on first use with mode 0600. `created` says so, because the operator should hear
 * that whoever copies the whole folder copies the key too; `exposed`, that others on this host could read it until now.
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
      // A link appears whole or not at all, and only for the first of several starting processes.
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
    // Of another owner it cannot be changed, but said all the same.
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
    // As it was.
  }
}
