import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '../../src/tokens/store.ts';
import { makeFolder, syncFolder } from '../../src/tokens/stores/durable-folder.ts';
import { keyBesideStore } from '../../src/tokens/stores/key-file.ts';
import { openEmbeddedFile } from '../../src/tokens/stores/lmdb-open.ts';
import { WatchedFiles } from '../support/watched-files.ts';

describe('the folder of a store', () => {
  let root: string;
  let files: WatchedFiles;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tokenward-folder-'));
    files = new WatchedFiles();
    files.start();
  });
  afterEach(() => {
    files.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('is made with its parents for its owner only, and the parent of each new folder is synced', () => {
    const path = join(root, 'a', 'b', 'c');
    makeFolder(path);
    assert.deepEqual(files.synced, [join(root, 'a', 'b'), join(root, 'a'), root]);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.deepEqual(files.open, []);
  });

  it('that is there already is left as it is', () => {
    mkdirSync(join(root, 'a'), { mode: 0o755 });
    makeFolder(join(root, 'a'));
    assert.deepEqual(files.synced, []);
    assert.equal(statSync(join(root, 'a')).mode & 0o777, 0o755);
  });

  it('that cannot be made is an error with its path and what to do', () => {
    writeFileSync(join(root, 'file'), '');
    const path = join(root, 'file', 'below');
    assert.throws(
      () => makeFolder(path),
      (error) =>
        error instanceof StoreError &&
        error.message.startsWith(`The store folder ${path} cannot be made: ENOTDIR`) &&
        error.message.endsWith('. Set store.path to a folder this user may write.'),
    );
  });

  for (const code of ['EINVAL', 'EPERM', 'ENOTSUP', 'EBADF']) {
    it(`is used on a system that cannot sync a folder (${code})`, () => {
      files.syncError = code;
      syncFolder(root);
      assert.deepEqual(files.open, []);
    });
  }

  it('is no place for a store if syncing it fails in another way', () => {
    files.syncError = 'EIO';
    assert.throws(() => syncFolder(root), /^Error: no sync$/);
    assert.deepEqual(files.open, [], 'it is closed all the same');
    assert.throws(() => makeFolder(join(root, 'new')), StoreError);
    assert.throws(() => openEmbeddedFile(root, join(root, 'tokens.mdb')), StoreError);
  });

  it('that cannot be opened is passed over', () => {
    syncFolder(join(root, 'none'));
    assert.deepEqual(files.synced, []);
  });

  it('is synced once a new store is in it, whose files only its owner can read', async () => {
    const file = join(root, 'tokens.mdb');
    const { db, probe, path, inode } = openEmbeddedFile(root, file);
    assert.deepEqual(files.synced, [root]);
    for (const name of [file, `${file}-lock`]) assert.equal(statSync(name).mode & 0o777, 0o600);
    assert.equal(path, file);
    assert.equal(inode(), `${statSync(file).dev}/${statSync(file).ino}`);
    await probe.write();
    assert.equal(statSync(`${file}-probe`).mode & 0o777, 0o600);
    await probe.close();
    await db.close();
  });

  it('is synced behind a new key, which is synced first', () => {
    const { file } = keyBesideStore(root);
    assert.deepEqual(
      files.synced.map((path) => (path === root ? 'folder' : path.startsWith(`${file}.`) ? 'draft' : path)),
      ['draft', 'folder'],
    );
    assert.deepEqual(files.open, []);
    files.synced.length = 0;
    keyBesideStore(root);
    assert.deepEqual(files.synced, []);
  });

  it('in which no key can be made is an error that names the file', () => {
    files.syncError = 'EIO';
    assert.throws(
      () => keyBesideStore(root),
      (error) =>
        error instanceof StoreError &&
        error.message === `The store key ${join(root, 'store.key')} cannot be made: no sync.`,
    );
    files.syncError = undefined;
    files.openError = 'ENOSPC';
    assert.throws(
      () => keyBesideStore(root),
      (error) =>
        error instanceof StoreError &&
        error.message === `The store key ${join(root, 'store.key')} cannot be made: not opened.`,
    );
  });
});

describe('a store that is none', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tokenward-none-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const refuses = (content: Buffer, why: string) => {
    const file = join(root, 'tokens.mdb');
    writeFileSync(file, content);
    assert.throws(
      () => openEmbeddedFile(root, file),
      (error) =>
        error instanceof StoreError &&
        error.message ===
          `The store in ${root} cannot be opened: ${why}. If the file is damaged, move ${file} away and keep it; ` +
            'tokenward then logs in again.',
    );
  };

  it('is not opened, and kept', () => {
    refuses(Buffer.alloc(8192, 1), 'the file is not a store of this program');
    refuses(Buffer.from('short'), 'the file is truncated');
  });

  it('is refused if the file beside it cannot be written', () => {
    const file = join(root, 'tokens.mdb');
    mkdirSync(`${file}-probe`);
    assert.throws(
      () => openEmbeddedFile(root, file),
      (error) => error instanceof StoreError && /^The store in \S+ cannot be written: EISDIR.*\.$/.test(error.message),
    );
  });
});
