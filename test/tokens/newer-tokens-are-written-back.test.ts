import assert from 'node:assert/strict';
import type { Credential, Outcome } from '../../src/tokens/credential.ts';
import { RecordError, StoreError } from '../../src/tokens/store.ts';
import { fakeCredential, granted, managed, type FakeCredential } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

/** How long after a store is back no call is made. ms. */
const STORE_SETTLES_MS = 1_000;
const budget = { key: 'logins', logins: 10, window: 86_400_000, reserve: 0 };

/** Accounts, each with a token, on a store that says when it has lost its connection and is back. */
async function world(credentials: readonly Credential[]) {
  const [store, time] = [new MemoryStore(), new VirtualTime()];
  /** Of each timer, whether it lets the process end. */
  const background: (boolean | undefined)[] = [];
  const timers = {
    after: (ms: number, action: () => void, isBackground?: boolean) => {
      background.push(isBackground);
      return time.timers.after(ms, action);
    },
  };
  let back: (() => void) | undefined;
  Object.assign(store, { watch: async (_: unknown, mayHaveChanged: () => void) => void (back ??= mayHaveChanged) });
  const all = await managed(credentials, { store, timers, clock: time.clock });
  // The first account is the one that was used last, and comes first.
  for (const { account } of [...credentials].reverse())
    await Promise.resolve(all.manager.get(account)).catch(() => undefined);
  await settled();
  /** The accounts that are read, in order, and how many reads there are at a time at most. */
  const reads = { accounts: [] as string[], atOnce: 0, most: 0 };
  const read = store.read.bind(store);
  /** Runs in the middle of each read. */
  const during: { read?: ((account: string) => void | Promise<void>) | undefined } = {};
  store.read = async (account) => {
    // Not the place beside the account's, where it is looked for after that.
    if (!account.includes('#')) reads.accounts.push(account);
    reads.most = Math.max(reads.most, (reads.atOnce += 1));
    try {
      await during.read?.(account);
      return await read(account);
    } finally {
      reads.atOnce -= 1;
    }
  };
  background.length = 0;
  const generation = (account: string): number | undefined => store.records.get(account)?.generation;
  return { ...all, time, reads, during, background, generation, back: () => back!() };
}

const accounts = (...names: string[]): FakeCredential[] =>
  names.map((account) => fakeCredential({ account, identity: account }));

describe('a store that is back with older records', () => {
  it('gets the newer tokens of all accounts, without a call', async () => {
    const credentials = accounts('a', 'b');
    const { back, store, generation, records } = await world(credentials);
    store.records.clear();
    back();
    await settled();
    assert.deepEqual([generation('a'), generation('b')], [1, 1]);
    assert.equal((await records.read('a', 'a')).token?.hasRefresh, true);
    assert.deepEqual(
      credentials.map(({ calls }) => calls),
      [['login'], ['login']],
    );
  });

  it('has newer tokens of other processes: they are in use at once', async () => {
    const { back, manager, restart } = await world(accounts('a'));
    const other = await restart(accounts('a')[0]!);
    const second = await other.manager.renew('a', await other.manager.get('a'));
    back();
    await settled();
    assert.equal((await manager.get('a')).reveal(), second.reveal());
  });

  it('gets the counts of logins too', async () => {
    const { back, store } = await world([fakeCredential({ budget })]);
    store.debits.clear();
    back();
    await settled();
    assert.equal(store.debits.get('logins')?.length, 1);
  });

  it('gets the tokens also if a count of logins is damaged', async () => {
    const { back, store, generation } = await world([fakeCredential({ budget })]);
    store.records.clear();
    store.used = async () => {
      throw new RecordError('damaged');
    };
    back();
    await settled();
    assert.equal(generation('crm'), 1);
  });

  it('is reported if it cannot be written', async () => {
    const { back, store, observed } = await world([fakeCredential({ budget })]);
    store.failing.add('used');
    back();
    await settled();
    assert.deepEqual(observed.storeFailed, ['debit']);
  });

  it('gets the tokens of the other accounts if one record does not open', async () => {
    const { back, store, generation } = await world(accounts('a', 'b'));
    store.records.set('a', { revision: 1, generation: 1, sealed: Buffer.from('nonsense') });
    store.records.delete('b');
    back();
    await settled();
    assert.equal(generation('b'), 1);
  });

  it('is asked for no account that has no token, or a fixed one', async () => {
    const [a, fixed, unused] = accounts('a', 'fixed', 'unused') as [FakeCredential, FakeCredential, FakeCredential];
    const { back, reads } = await world([a, { ...fixed, staticToken: 'fixed' }, { ...unused, canLogin: false }]);
    back();
    await settled();
    assert.deepEqual(reads.accounts, ['a']);
  });

  it('gets a token that could not be stored before, and the account is well again', async () => {
    const [credential] = accounts('a') as [FakeCredential];
    const { manager, store, generation, time } = await world([credential]);
    // The note is written, the grant is not.
    credential.answers.push(() => {
      store.failing.add('replace').add('check');
      return granted();
    });
    await manager.renew('a', await manager.get('a'));
    // By now the grant is offered to the store every two seconds, and whether the store is back is asked every second.
    await time.advance(19_500);
    assert.deepEqual([generation('a'), manager.status()[0]?.state], [1, 'degraded']);
    store.failing.clear();
    await time.advance(500);
    assert.deepEqual([generation('a'), manager.status()[0]?.state], [2, 'working']);
    assert.equal(store.leases.size, 0);
  });

  it('keeps the note of a renewal that is under way', async () => {
    let respond!: (outcome: Outcome) => void;
    const credential = fakeCredential({}, granted(), () => new Promise<Outcome>((resolve) => (respond = resolve)));
    const { back, manager, records } = await world([credential]);
    const renewed = Promise.resolve(manager.renew('crm', await manager.get('crm')));
    await settled();
    const { intent } = await records.read('crm');
    assert.equal(intent?.kind, 'refresh');
    back();
    await settled();
    assert.deepEqual((await records.read('crm')).intent, intent);
    respond(granted());
    assert.equal((await renewed).generation, 2);
  });
});

describe('a store that comes and goes', () => {
  it('is gone through once at a time, and once more from the start if it came back meanwhile', async () => {
    const { back, store, reads, during, generation } = await world(accounts('a', 'b'));
    during.read = (account) => {
      if (account !== 'b') return;
      during.read = undefined;
      // Lost after it was looked at.
      store.records.delete('a');
      back();
      back();
    };
    back();
    await settled();
    assert.deepEqual([reads.accounts, reads.most], [['a', 'b', 'a', 'b'], 1]);
    assert.equal(generation('a'), 1);
  });

  it('is left alone as soon as it fails again, until it is back', async () => {
    const { back, reads, during, time } = await world(accounts('a', 'b', 'c'));
    during.read = () => {
      throw new StoreError('away');
    };
    back();
    await settled();
    assert.deepEqual(reads.accounts, ['a']);
    during.read = undefined;
    await time.advance(1_000);
    assert.deepEqual(reads.accounts, ['a', 'a', 'b', 'c']);
  });

  it('is left alone by a process that ends', async () => {
    const { back, reads, during, manager } = await world(accounts('a', 'b'));
    let closed: Promise<void> | undefined;
    during.read = () => {
      back();
      closed = manager.close();
    };
    back();
    await settled();
    await closed;
    assert.deepEqual(reads.accounts, ['a']);
  });
});

describe('a store that is back', () => {
  it('is trusted only after a second, in which other processes write back: no call is made before', async () => {
    const [credential] = accounts('a') as [FakeCredential];
    const { back, manager, time } = await world([credential]);
    const first = await manager.get('a');
    back();
    const renewed = Promise.resolve(manager.renew('a', first));
    await time.advance(STORE_SETTLES_MS - 1);
    assert.deepEqual(credential.calls, ['login']);
    await time.advance(1);
    assert.equal((await renewed).generation, 2);
  });

  it('keeps no process running', async () => {
    const { back, background } = await world(accounts('a'));
    back();
    await settled();
    assert.deepEqual(background, [true]);
  });
});
