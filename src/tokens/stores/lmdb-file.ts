import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** Byte offsets in LMDB's meta pages, which are the first two pages of a file. */
const META = { magic: 24, version: 28, pageSize: 48, freeRoot: 88, root: 136, transaction: 152, length: 168 } as const;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/**
 * Throws if an existing file is not LMDB's, or was truncated: opening it would end the process with a segmentation
 * fault and without a message. An empty file counts as none.
 */
export function checkFile(file: string): void {
  if (!existsSync(file)) return;
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return;
    const page = (at: number): Buffer => {
      const bytes = Buffer.alloc(META.length);
      if (readSync(fd, bytes, 0, META.length, at) < META.length) throw new Error('the file is truncated');
      const isStore =
        bytes.readUInt32LE(META.magic) === MAGIC && (bytes.readUInt32LE(META.version) & 0xffff) === VERSION;
      if (!isStore) throw new Error('the file is not a store of this program');
      return bytes;
    };
    const first = page(0);
    const pageSize = first.readUInt32LE(META.pageSize);
    const second = page(pageSize);
    const newest = second.readBigUInt64LE(META.transaction) > first.readBigUInt64LE(META.transaction) ? second : first;
    for (const root of [newest.readBigUInt64LE(META.freeRoot), newest.readBigUInt64LE(META.root)]) {
      if (root !== NO_PAGE && (root + 1n) * BigInt(pageSize) > BigInt(size)) throw new Error('the file is truncated');
    }
  } finally {
    closeSync(fd);
  }
}

/** The inode of a file whose stat failed. */
export const UNKNOWN = 'unknown';

/** Identifies a file; undefined: there is none. Any other error of stat says nothing about the file. */
export function inodeOf(file: string): string | undefined {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev}/${ino}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : UNKNOWN;
  }
}

/** LMDB's reason for a failed commit, from the promise in its error, whose rejection must be handled too. */
export async function commitError(error: unknown): Promise<unknown> {
  const { commitError: hidden } = error as { commitError?: Promise<never> };
  if (hidden === undefined) return undefined;
  const nextTurn = new Promise((resolve) => void setImmediate(resolve));
  return Promise.race([hidden.catch((cause: unknown) => cause), nextTurn]);
}
