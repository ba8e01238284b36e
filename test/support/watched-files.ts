import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** What became of folders and files that were opened and synced, as the calls to Node's file system say. */
export class WatchedFiles {
  readonly synced: string[] = [];
  readonly #open = new Map<number, string>();
  readonly #original = { openSync: fs.openSync, fsyncSync: fs.fsyncSync, closeSync: fs.closeSync };
  /** The code of the error that the next syncs throw. */
  syncError: string | undefined;
  /** The code of the error that opening a file to write it throws. */
  openError: string | undefined;

  /** Paths that were opened and not closed. */
  get open(): readonly string[] {
    return [...this.#open.values()];
  }

  start(): void {
    const { openSync, fsyncSync, closeSync } = this.#original;
    fs.openSync = (path, ...rest) => {
      if (this.openError !== undefined && rest[0] !== 'r')
        throw Object.assign(new Error('not opened'), { code: this.openError });
      const fd = openSync(path, ...rest);
      this.#open.set(fd, String(path));
      return fd;
    };
    fs.fsyncSync = (fd) => {
      if (this.syncError !== undefined) throw Object.assign(new Error('no sync'), { code: this.syncError });
      fsyncSync(fd);
      this.synced.push(this.#open.get(fd) ?? 'unknown');
    };
    fs.closeSync = (fd) => {
      closeSync(fd);
      this.#open.delete(fd);
    };
    syncBuiltinESMExports();
  }

  stop(): void {
    Object.assign(fs, this.#original);
    syncBuiltinESMExports();
  }
}
