import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** What became of folders and files that were opened and synced, as the calls to Node's file system say. */
export class WatchedFiles {
  readonly synced: string[] = [];
  readonly #open = new Map<number, string>();
  readonly #original = { openSync: fs.openSync, fsyncSync: fs.fsyncSync, closeSync: fs.closeSync };
  /** The code of the error that the next syncs throw. */
  syncError: string | undefined;

  /** Paths that were opened and not closed. */
  get open(): readonly string[] {
    return [...this.#open.values()];
  }

  start(): void {
    const { openSync, fsyncSync, closeSync } = this.#original;
    fs.openSync = (path, ...rest) => {
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
