import { chmodSync, existsSync } from 'node:fs';
import { open, type RootDatabase } from 'lmdb';
import { StoreError } from '../store.ts';
import { DiskProbe } from './disk-probe.ts';
import { makeFolder, syncFolder } from './durable-folder.ts';
import { reason } from './file-error.ts';
import { keepLmdbOffTheConsole } from './lmdb-console.ts';
import { checkFile, inodeOf } from './lmdb-file.ts';

/**
 * Opens or makes the database `file` in the folder `path`. `overlappingSync: false` makes every resolved write an
 * fsync'ed one. Throws a StoreError that names the path and what to do.
 */
function openDatabase(path: string, file: string): RootDatabase<string, string> {
  makeFolder(path);
  keepLmdbOffTheConsole();
  let db: RootDatabase<string, string>;
  try {
    checkFile(file);
    // Without batching: after a failed commit (disk full) it would leave a rejected promise that cannot be handled.
    db = open<string, string>({
      path: file,
      encoding: 'string',
      overlappingSync: false,
      eventTurnBatching: false,
      noSubdir: true,
      maxReaders: 512,
    });
    for (const name of [file, `${file}-lock`]) if (existsSync(name)) chmodSync(name, 0o600);
    syncFolder(path);
  } catch (error) {
    throw new StoreError(
      `The store in ${path} cannot be opened: ${reason(error)}. If the file is damaged, move ${file} away ` +
        'and keep it; tokenward then logs in again.',
    );
  }
  try {
    db.get('check');
  } catch {
    // LMDB locks the byte at its process id for as long as it runs, and gives up after ten seconds.
    void db.close();
    throw new StoreError(
      `The store in ${path} is in use by another process with the same process id as this one ` +
        `(${process.pid}): in another container, or another PID namespace. Processes that share a store must ` +
        'see each other. Give each container a folder of its own, let them share one PID namespace, or use ' +
        'Redis.',
    );
  }
  return db;
}

/** What the embedded store works on; a simulation gives another one than LMDB's file. */
export interface EmbeddedFile {
  readonly path: string;
  readonly db: RootDatabase<string, string>;
  readonly probe: Pick<DiskProbe, 'write' | 'requireRoomCheck' | 'close'>;
  /** Tells the file that is at the path now from others; undefined: there is none. */
  inode(): string | undefined;
}

/** The same with what belongs to it. Throws a StoreError that names the path and what to do. */
export function openEmbeddedFile(path: string, file: string): EmbeddedFile {
  const db = openDatabase(path, file);
  try {
    return { path: file, db, probe: new DiskProbe(`${file}-probe`), inode: () => inodeOf(file) };
  } catch (error) {
    void db.close();
    throw new StoreError(`The store in ${path} cannot be written: ${reason(error)}.`);
  }
}
