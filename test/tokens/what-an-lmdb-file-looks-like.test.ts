import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkFile } from '../../src/tokens/stores/lmdb-file.ts';
import { WatchedFiles } from '../support/watched-files.ts';

const PAGE = 4096;
/** What LMDB writes for a tree without a page. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

interface Meta {
  readonly magic?: number;
  readonly version?: number;
  readonly transaction?: bigint;
  readonly freeRoot?: bigint;
  readonly root?: bigint;
}

/** A meta page, at the offsets of mdb.c's MDB_meta behind its page header. */
function metaPage({ magic = 0xbeefc0de, version = 2, transaction = 1n, freeRoot = NO_PAGE, root = NO_PAGE }: Meta) {
  const page = Buffer.alloc(PAGE);
  page.writeUInt32LE(magic, 24);
  page.writeUInt32LE(version, 28);
  page.writeUInt32LE(PAGE, 48);
  page.writeBigUInt64LE(freeRoot, 88);
  page.writeBigUInt64LE(root, 136);
  page.writeBigUInt64LE(transaction, 152);
  return page;
}

describe('a file that LMDB is to open', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tokenward-lmdb-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const check = (first: Meta, second: Meta): void => {
    const file = join(folder, 'file');
    // Two meta pages and one more: page 2 is the last.
    writeFileSync(file, Buffer.concat([metaPage(first), metaPage(second), Buffer.alloc(PAGE)]));
    checkFile(file);
  };
  const foreign = /^Error: the file is not a store of this program$/;
  const truncated = /^Error: the file is truncated$/;

  it('passes if its pages are all there', () => {
    check({}, {});
    check({ root: 2n, freeRoot: 2n }, { root: 2n });
  });

  it("is refused if either page lacks LMDB's number, or has another version", () => {
    assert.throws(() => check({ magic: 1 }, {}), foreign);
    assert.throws(() => check({}, { magic: 1 }), foreign);
    assert.throws(() => check({ version: 1 }, {}), foreign);
    assert.throws(() => check({}, { version: 3 }), foreign);
  });

  it('is closed again, whatever it is', () => {
    const files = new WatchedFiles();
    files.start();
    try {
      check({}, {});
      assert.throws(() => check({}, { magic: 1 }), foreign);
      assert.deepEqual(files.open, []);
    } finally {
      files.stop();
    }
  });

  it('is judged by its newest transaction', () => {
    check({ transaction: 4n, root: 2n }, { transaction: 3n, root: 9n });
    check({ transaction: 3n, root: 9n }, { transaction: 4n, root: 2n });
    assert.throws(() => check({ transaction: 4n, root: 3n }, { transaction: 3n, root: 2n }), truncated);
    assert.throws(() => check({ transaction: 3n, root: 2n }, { transaction: 4n, freeRoot: 3n }), truncated);
    // The first counts of two that are as new.
    check({ transaction: 3n, root: 2n }, { transaction: 3n, root: 9n });
  });
});
