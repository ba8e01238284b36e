import assert from 'node:assert/strict';
import { AccountCache, sourceOf } from '../../src/tokens/account-cache.ts';
import { systemTimers } from '../../src/tokens/clock.ts';
import { FakeClock } from '../support/clock.ts';
import { eventually } from '../support/eventually.ts';
import { granted, managed, fakeCredential } from '../support/credential.ts';

/** More accounts than are held in memory: looking at the others pushes the first one out. */
const OTHERS = Array.from({ length: 4 }, (_, at) => fakeCredential({ account: `other ${at}` }));

describe('more accounts than are held in memory', () => {
  it('one whose renewal is under way stays: whoever asks meanwhile joins that renewal', async () => {
    let answer!: () => void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const crm = fakeCredential({}, async () => {
      await answered;
      return granted();
    });
    const { manager } = await managed([crm, ...OTHERS], { maxAccounts: 2 });
    const first = manager.get('crm');
    await eventually('the call is made', () => crm.calls.length === 1);
    for (const { account } of OTHERS) await manager.get(account);
    const second = manager.get('crm');
    await new Promise(setImmediate);
    answer();
    assert.equal(await first, await second);
    assert.deepEqual(crm.calls, ['login']);
  });

  it('one with a grant that is not stored yet stays: the only copy of it is not forgotten', async () => {
    const crm: ReturnType<typeof fakeCredential> = fakeCredential({}, granted(), () => {
      world.store.failing.add('replace');
      return granted({ secret: 'the only copy' });
    });
    const world = await managed([crm, ...OTHERS], { maxAccounts: 2 });
    const { manager, store, records } = world;
    for (const { account } of OTHERS) await manager.get(account);
    await manager.renew('crm', await manager.get('crm'));
    manager.status();
    assert.equal((await manager.get('crm')).reveal(), 'the only copy');
    store.failing.clear();
    await eventually('it is stored', async () => (await records.read('crm')).token?.reveal() === 'the only copy');
    await manager.close();
    assert.deepEqual(crm.calls, ['login', 'refresh']);
  });

  it('one that rests is forgotten, and read again from the store without a call', async () => {
    const crm = fakeCredential();
    const { manager } = await managed([crm, ...OTHERS], { maxAccounts: 2 });
    const first = await manager.get('crm');
    for (const { account } of OTHERS) await manager.get(account);
    const again = await manager.get('crm');
    assert.notEqual(again, first);
    assert.equal(again.reveal(), first.reveal());
    assert.deepEqual(crm.calls, ['login']);
  });

  it('one whose token was rejected is forgotten with that mark, unless it is in use', () => {
    const parts = { clock: new FakeClock(), timers: systemTimers, random: Math.random, maxAccounts: 2 };
    const cache = new AccountCache(sourceOf([fakeCredential(), ...OTHERS]), parts);
    const pushOut = (): void => OTHERS.forEach(({ account }) => void cache.of(account));
    const used = cache.of('crm');
    used.addReference();
    used.tokenRejected();
    pushOut();
    assert.equal(cache.isRejected('crm'), true);
    cache.leave(used);
    assert.equal(cache.isRejected('crm'), true);
    pushOut();
    assert.equal(cache.peek('crm'), undefined);
    assert.equal(cache.isRejected('crm'), false);
  });
});
