import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { StoreError, type TokenStore } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { keyBesideStore } from '../../src/tokens/stores/key-file.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { describeStoreContract } from './store-contract.ts';

const options = { ownerIsGone: (_owner: string): boolean => false, now: () => Date.now() };

describeStoreContract('the embedded store', async () => {
  const folder = temporaryFolder();
  const opened: TokenStore[] = [];
  return {
    async open(given) {
      const store = EmbeddedStore.open(folder, { ...options, ...given });
      opened.push(store);
      return store;
    },
    async cleanUp() {
      for (const store of opened) await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

describe('the embedded store', () => {
  let folder: string;
  const opened: TokenStore[] = [];
  const openStore = (given: Partial<typeof options> = {}): EmbeddedStore => {
    const store = EmbeddedStore.open(folder, { ...options, ...given });
    opened.push(store);
    return store;
  };
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('makes its folder, and files that nobody else can read', async () => {
    folder = join(folder, 'deeper', 'still');
    await openStore().replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') });
    keyBesideStore(folder);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const file of readdirSync(folder)) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  });

  it('the lease of a process that runs no more need not be waited for', async () => {
    const store = openStore({ ownerIsGone: (owner) => owner === 'dead' });
    await store.acquireLease('crm', 'dead', 30_000);
    assert.equal(await store.acquireLease('crm', 'alive', 30_000), true);
    assert.equal(await store.acquireLease('crm', 'third', 30_000), false);
  });

  it('a lease from the future (the clock was set back) binds nobody for long', async () => {
    let time = Date.now();
    const store = openStore({ now: () => time });
    await store.acquireLease('crm', 'a', 30_000);
    time -= 3_600_000;
    assert.equal(await store.acquireLease('crm', 'b', 30_000), true);
  });

  it('a damaged or foreign record is an error, never "none", and stays as it is', async () => {
    const store = openStore();
    const raw = open<string, string>({
      path: join(folder, 'tokens.mdb'),
      encoding: 'string',
      overlappingSync: false,
      noSubdir: true,
      maxReaders: 512,
    });
    for (const text of [
      '',
      '{',
      '{"revision":1',
      '{}',
      '[]',
      'null',
      '{"revision":"1","generation":1,"sealed":"x"}',
      '{"revision":1,"generation":1.5,"sealed":"x"}',
    ]) {
      await raw.put('record/crm', text);
      await assert.rejects(store.read('crm'), StoreError, text);
      await assert.rejects(
        store.replace('crm', 1, { revision: 2, generation: 2, sealed: Buffer.from('x') }),
        StoreError,
        text,
      );
      assert.equal(raw.get('record/crm'), text);
    }
    await raw.close();
  });

  const spoilt: readonly (readonly [string, (good: Buffer) => Buffer])[] = [
    ['text', () => Buffer.from('this is not a database\n'.repeat(1_000))],
    ['one byte', () => Buffer.from('x')],
    ['zeros', (good) => Buffer.alloc(good.length)],
    ['a good one whose first page is gone', (good) => Buffer.concat([Buffer.alloc(4_096), good.subarray(4_096)])],
    [
      'a good one whose second page is gone',
      (good) => Buffer.concat([good.subarray(0, 4_096), Buffer.alloc(4_096), good.subarray(8_192)]),
    ],
    ['a good one cut to a byte', (good) => good.subarray(0, 1)],
    ['a good one cut to half a page', (good) => good.subarray(0, 2_048)],
    ['a good one cut to its first page', (good) => good.subarray(0, 4_096)],
    ['a good one cut to its first two pages', (good) => good.subarray(0, 8_192)],
  ];
  for (const [name, spoil] of spoilt) {
    it(`a file that holds ${name}: one clear message with the path and what to do, no crash, and the file stays as it is`, async () => {
      const store = openStore();
      await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') });
      await store.close();
      const file = join(folder, 'tokens.mdb');
      writeFileSync(file, spoil(readFileSync(file)));
      const before = readFileSync(file);
      assert.throws(
        () => openStore(),
        (error: unknown) =>
          error instanceof StoreError && error.message.includes(folder) && error.message.includes('move'),
      );
      assert.ok(readFileSync(file).equals(before));
    });
  }

  it('an empty file is as good as none', async () => {
    writeFileSync(join(folder, 'tokens.mdb'), '');
    const store = openStore();
    assert.equal(await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') }), true);
  });

  it('a store that has grown, and shrunk in use, opens again', async () => {
    const store = openStore();
    for (let account = 0; account < 200; account += 1)
      await store.replace(`a${account}`, 0, { revision: 1, generation: 1, sealed: Buffer.alloc(3_000, account) });
    for (let account = 0; account < 200; account += 1)
      await store.replace(`a${account}`, 1, { revision: 2, generation: 2, sealed: Buffer.from('short') });
    await store.close();
    assert.equal((await openStore().read('a77'))?.sealed.toString(), 'short');
  });

  it('a folder that cannot be made: one clear message with the path', () => {
    writeFileSync(join(folder, 'file'), '');
    folder = join(folder, 'file', 'below');
    assert.throws(
      () => openStore(),
      (error: unknown) => error instanceof StoreError && error.message.includes(folder),
    );
    assert.throws(() => keyBesideStore(folder), StoreError);
    folder = join(folder, '..', '..');
  });

  it('the key beside the store is made once, is 32 random bytes, and is read by everybody after that', () => {
    const first = keyBesideStore(folder);
    assert.equal(first.created, true);
    assert.equal(Buffer.from(first.text, 'base64').length, 32);
    const second = keyBesideStore(folder);
    assert.equal(second.created, false);
    assert.equal(second.text.trim(), first.text);
    assert.deepEqual(readdirSync(folder), ['store.key'], 'drafts are left');
  });

  it('a key that cannot be read is an error that names its file', () => {
    mkdirSync(join(folder, 'store.key'));
    assert.throws(
      () => keyBesideStore(folder),
      (error: unknown) => error instanceof StoreError && error.message.includes(join(folder, 'store.key')),
    );
  });
});
