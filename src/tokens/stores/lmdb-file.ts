import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** Where LMDB keeps what in a meta page, in bytes; the first two pages of a file are such pages. */
const META = { magic: 24, version: 28, pageSize: 48, freeRoot: 88, root: 136, transaction: 152, length: 168 } as const;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/**
 * Throws if a file that is there is none of LMDB's, or was cut off: opened as one it would take the whole process down
 * with a segmentation fault, and nobody would be told why. An empty file is as good as none.
 */
export function checkFile(file: string): void {
  if (!existsSync(file)) return;
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return;
    const page = (at: number): Buffer => {
      const bytes = Buffer.alloc(META.length);
      if (readSync(fd, bytes, 0, META.length, at) < META.length) throw new Error('the file is cut off');
      const isOurs =
        bytes.readUInt32LE(META.magic) === MAGIC && (bytes.readUInt32LE(META.version) & 0xffff) === VERSION;
      if (!isOurs) throw new Error('the file is not a store of this program');
      return bytes;
    };
    const first = page(0);
    const pageSize = first.readUInt32LE(META.pageSize);
    const second = page(pageSize);
    const newest = second.readBigUInt64LE(META.transaction) > first.readBigUInt64LE(META.transaction) ? second : first;
    for (const root of [newest.readBigUInt64LE(META.freeRoot), newest.readBigUInt64LE(META.root)]) {
      if (root !== NO_PAGE && (root + 1n) * BigInt(pageSize) > BigInt(size)) throw new Error('the file is cut off');
    }
  } finally {
    closeSync(fd);
  }
}

/** A file that could not be looked at. */
export const UNKNOWN = 'unknown';

/** Tells one file from another; undefined: there is none. A look that fails otherwise says nothing against the file. */
export function inodeOf(file: string): string | undefined {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev}/${ino}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : UNKNOWN;
  }
}

/** What LMDB says of a commit that failed, from the promise it hides it in: that one has to be handled as well. */
export async function commitError(error: unknown): Promise<unknown> {
  const { commitError: hidden } = error as { commitError?: Promise<never> };
  if (hidden === undefined) return undefined;
  const nextTurn = new Promise((resolve) => void setImmediate(resolve));
  return Promise.race([hidden.catch((cause: unknown) => cause), nextTurn]);
}
