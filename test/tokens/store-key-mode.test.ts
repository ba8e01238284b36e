import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../src/app/open-store.ts';
import { load, smallest } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';
import { recorder } from '../support/proxy.ts';

describe('the key beside a store', () => {
  const folder = freshFolder();

  it('that others of the host can read is closed to them, and the operator hears of it', async () => {
    const path = folder();
    const lines: string[] = [];
    const open = async (): Promise<string[]> => {
      lines.length = 0;
      const { store } = await openStore(load(smallest({ top: `store: { type: embedded, path: ${path} }` })), {
        log: recorder(lines),
        ownerIsGone: () => false,
      });
      await store.close();
      return lines.filter((line) => line.includes('other users of this host could read the store key'));
    };
    const file = join(path, 'store.key');
    assert.deepEqual(await open(), []);
    for (const mode of [0o644, 0o640, 0o602]) {
      chmodSync(file, mode);
      const said = await open();
      assert.equal(said.length, 1);
      assert.ok(said[0]!.includes(file));
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.deepEqual(await open(), []);
    }
  });
});
