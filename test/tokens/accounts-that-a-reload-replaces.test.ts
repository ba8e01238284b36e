import assert from 'node:assert/strict';
import { AccountCache, sourceOf } from '../../src/tokens/account-cache.ts';
import { systemTimers } from '../../src/tokens/clock.ts';
import type { Credential, CredentialSource } from '../../src/tokens/credential.ts';
import { importToken } from '../../src/tokens/import.ts';
import type { Token } from '../../src/tokens/token.ts';
import { FakeClock } from '../support/clock.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

const PARTS = { clock: new FakeClock(), timers: systemTimers, random: Math.random };

/** Accounts of which none is declared. */
function onDemand(...credentials: Credential[]): CredentialSource {
  return { ...sourceOf(credentials), declared: [] };
}

describe('accounts that a reload removes or makes another login', () => {
  it('are returned with what was known of them; the others are not', async () => {
    const all = ['kept', 'gone', 'other'].map((account) => fakeCredential({ account }));
    const { manager } = await managed(all);
    const tokens: Token[] = [];
    for (const { account } of all) tokens.push(await manager.get(account));
    const released = manager.reconfigure([
      fakeCredential({ account: 'kept' }),
      fakeCredential({ account: 'other', identity: 'another' }),
    ]);
    assert.deepEqual(
      [...released].map(([account, { token }]) => [account, token]),
      [
        ['gone', tokens[1]],
        ['other', tokens[2]],
      ],
    );
    assert.deepEqual([...manager.names()], ['kept', 'other']);
    assert.deepEqual([manager.has('gone'), manager.statusOf('gone'), manager.count.inMemory], [false, undefined, 2]);
  });

  it('leave no mark of a rejection or of a trouble behind', async () => {
    const cache = new AccountCache(onDemand(fakeCredential()), { ...PARTS, maxAccounts: 9 });
    const former = cache.of('crm');
    former.tokenRejected();
    former.renewalStopped('something is wrong');
    assert.equal(cache.isRejected('crm'), true);
    cache.reconfigure(onDemand(fakeCredential({ identity: 'another' }), fakeCredential({ account: 'one' })));
    const next = cache.of('crm');
    assert.equal(cache.isRejected('crm'), false);
    cache.of('one');
    // Troubled ones come first.
    assert.deepEqual(cache.shown(), [cache.of('one'), next]);
    next.tokenRejected();
    // What the former one still comes to concerns the next one in nothing.
    former.tokenAccepted();
    assert.equal(cache.isRejected('crm'), true);
    former.renewalStopped('something else is wrong');
    assert.equal(cache.shown().includes(former), false);
  });

  it('are read from the store with their new login, so that an imported token costs no call', async () => {
    const { manager, store, records } = await managed(fakeCredential());
    const [next, fresh] = [fakeCredential({ identity: 'another' }), fakeCredential({ account: 'fresh' })];
    const grant = { secret: 'imported', refreshSecret: undefined, expiresAt: undefined };
    for (const one of [next, fresh])
      await importToken(store, records, one, grant, { owner: 'import', ...new VirtualTime() });
    manager.reconfigure([next, fresh]);
    await settled();
    assert.deepEqual(
      manager.status().map(({ state }) => state),
      ['working', 'working'],
    );
    for (const { account } of [next, fresh]) assert.equal((await manager.get(account)).reveal(), 'imported');
    assert.deepEqual([next.calls, fresh.calls], [[], []]);
  });
});

describe('the state of an account that became another login', () => {
  const of = (identity: string): CredentialSource => sourceOf([fakeCredential({ identity })]);

  it('waits for none that nobody used', () => {
    const cache = new AccountCache(of('first'), { ...PARTS, maxAccounts: 9 });
    cache.of('crm');
    cache.reconfigure(of('second'));
    assert.equal(cache.of('crm').predecessors, undefined);
  });

  it('waits for the last use of each one before it, and of nothing longer', async () => {
    const cache = new AccountCache(of('first'), { ...PARTS, maxAccounts: 9 });
    const first = cache.of('crm');
    first.addReference();
    first.addReference();
    cache.reconfigure(of('second'));
    const second = cache.of('crm');
    second.addReference();
    cache.reconfigure(of('third'));
    cache.leave(second);
    const third = cache.of('crm');
    cache.leave(first);
    await settled();
    assert.notEqual(third.predecessors, undefined);
    cache.leave(first);
    await settled();
    assert.equal(third.predecessors, undefined);
    cache.reconfigure(of('fourth'));
    assert.equal(cache.of('crm').predecessors, undefined);
  });
});

describe('accounts that a reload keeps', () => {
  it('have no second state, though they were pushed out of memory while they were used', () => {
    const all = ['used', 'a', 'b'].map((account) => fakeCredential({ account }));
    const cache = new AccountCache(sourceOf(all), { ...PARTS, maxAccounts: 1 });
    const used = cache.of('used');
    used.addReference();
    for (const { account } of all) cache.of(account);
    cache.reconfigure(sourceOf(all), 1);
    assert.equal(cache.of('used'), used);
    for (const { account } of all) cache.of(account);
    assert.equal(cache.of('used'), used);
    cache.leave(used);
    for (const { account } of all) cache.of(account);
    assert.notEqual(cache.of('used'), used);
  });

  it('are pushed out in the order of their use, as without the reload', () => {
    const all = ['a', 'b', 'c', 'd'].map((account) => fakeCredential({ account }));
    const cache = new AccountCache(onDemand(...all), { ...PARTS, maxAccounts: 3 });
    for (const account of ['a', 'b', 'c', 'a']) cache.of(account);
    cache.reconfigure(onDemand(...all), 3);
    cache.of('d');
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].filter((account) => cache.peek(account) !== undefined),
      ['a', 'c', 'd'],
    );
  });

  it('and are declared no more, or only now, are shown accordingly', () => {
    const [one, other] = [fakeCredential({ account: 'one' }), fakeCredential({ account: 'other' })];
    const cache = new AccountCache(sourceOf([one, other]), { ...PARTS, maxAccounts: 9 });
    assert.deepEqual([cache.isDeclared('one'), cache.isDeclared('other')], [true, true]);
    cache.reconfigure({ ...sourceOf([one, other]), declared: ['other'] });
    assert.deepEqual([cache.isDeclared('one'), cache.isDeclared('other')], [false, true]);
  });
});

describe('an account that becomes a fixed token during a renewal', () => {
  it('keeps its own mark of a rejection when that renewal ends', async () => {
    let answer!: () => void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const { manager } = await managed(
      fakeCredential({}, async () => {
        await answered;
        return granted();
      }),
    );
    const early = manager.get('crm');
    await settled();
    manager.reconfigure([fakeCredential({ staticToken: 'fixed' })]);
    const token = await manager.get('crm');
    manager.rejected('crm', token);
    answer();
    await early;
    await settled();
    assert.equal(manager.status()[0]?.state, 'down');
    manager.accepted('crm', token);
    assert.equal(manager.status()[0]?.state, 'working');
  });
});
