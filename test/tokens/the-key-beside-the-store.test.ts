import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '../../src/tokens/store.ts';
import { hasKeyBeside, keyBesideStore } from '../../src/tokens/stores/key-file.ts';

describe('the key beside the store', () => {
  let folder: string;
  let file: string;
  const modeOf = (): number => statSync(file).mode & 0o777;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tokenward-key-'));
    file = join(folder, 'store.key');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is there once it was made, for its owner only', () => {
    assert.equal(hasKeyBeside(folder), false);
    const { text, ...rest } = keyBesideStore(folder);
    assert.deepEqual(rest, { created: true, exposed: false, file });
    assert.deepEqual([hasKeyBeside(folder), modeOf()], [true, 0o600]);
    assert.deepEqual(keyBesideStore(folder), { text: `${text}\n`, created: false, exposed: false, file });
    assert.deepEqual(readdirSync(folder), ['store.key']);
  });

  for (const mode of [0o640, 0o604, 0o601]) {
    it(`that others can get at with mode ${mode.toString(8)} is closed to them, and that is told once`, () => {
      keyBesideStore(folder);
      chmodSync(file, mode);
      assert.equal(keyBesideStore(folder).exposed, true);
      assert.equal(modeOf(), 0o600);
      assert.equal(keyBesideStore(folder).exposed, false);
    });
  }

  it('that is closed to others keeps its mode', () => {
    keyBesideStore(folder);
    chmodSync(file, 0o400);
    keyBesideStore(folder);
    assert.equal(modeOf(), 0o400);
  });

  it('whose name was taken while it was made is read, not made', () => {
    // A link to nothing looks like no file, and its name is taken.
    symlinkSync(join(folder, 'nothing'), file);
    assert.throws(
      () => keyBesideStore(folder),
      (error) =>
        error instanceof StoreError && error.message.startsWith(`The store key ${file} cannot be read: ENOENT`),
    );
    assert.deepEqual(readdirSync(folder), ['store.key'], 'drafts are left');
  });
});
