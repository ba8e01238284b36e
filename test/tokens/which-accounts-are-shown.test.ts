import assert from 'node:assert/strict';
import { AccountCache } from '../../src/tokens/account-cache.ts';
import type { AccountState } from '../../src/tokens/account-state.ts';
import { systemTimers } from '../../src/tokens/clock.ts';
import { EMPTY_RECORD } from '../../src/tokens/records.ts';
import { FakeClock } from '../support/clock.ts';
import { fakeCredential } from '../support/credential.ts';

/** A cache over any number of accounts, some of them declared. */
function cacheOf(declared: readonly string[], maxAccounts?: number): AccountCache {
  const source = {
    get: (account: string) => (account === 'unknown' ? undefined : fakeCredential({ account })),
    has: () => true,
    size: 100_000,
    declared,
    names: () => declared,
  };
  const parts = { clock: new FakeClock(), timers: systemTimers, random: () => 0.5 };
  return new AccountCache(source, { ...parts, ...(maxAccounts !== undefined && { maxAccounts }) });
}

const names = (cache: AccountCache): string[] => cache.shown().map(({ credential }) => credential.account);
const many = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${prefix} ${at}`);

describe('the accounts that are shown', () => {
  it('are the declared ones, in their order, whether they are used or not', () => {
    const cache = cacheOf(['b', 'a', 'c']);
    cache.of('c');
    assert.deepEqual(names(cache), ['b', 'a', 'c']);
  });

  it('are all declared ones, however many', () => {
    const declared = many('declared', 600);
    const cache = cacheOf(declared);
    cache.of('other').tokenRejected();
    assert.deepEqual(names(cache), declared);
  });

  it('are the others in memory as well, each once', () => {
    const cache = cacheOf(['a']);
    for (const account of ['x', 'y', 'z']) cache.of(account);
    assert.deepEqual(names(cache).slice(0, 1), ['a']);
    assert.deepEqual(names(cache).sort(), ['a', 'x', 'y', 'z']);
  });

  it('are 500 in all where more are in memory', () => {
    const cache = cacheOf(['a', 'b']);
    for (const account of many('other', 600)) cache.of(account);
    const shown = names(cache);
    assert.deepEqual([shown.length, new Set(shown).size, shown.slice(0, 2)], [500, 500, ['a', 'b']]);
  });

  for (const [name, trouble] of [
    ['a renewal did not work', (state) => state.renewalStopped('it failed')],
    ['a token is not stored yet', (state) => state.keepPendingWrite(EMPTY_RECORD)],
    [
      'the credentials were refused',
      (state) =>
        state.adopt({ ...EMPTY_RECORD, dead: { reason: 'refused', since: 1, credentials: 'which' }, identity: 'who' }),
    ],
    ['the record does not open', (state) => state.recordUnreadable('damaged', 1)],
    ['an upstream rejected the token', (state) => state.tokenRejected()],
  ] satisfies [string, (state: AccountState) => void][]) {
    it(`are first those in trouble, of the others: ${name}`, () => {
      const cache = cacheOf(['a']);
      const others = many('other', 600);
      for (const account of others) cache.of(account);
      const troubled = cache.of('other 300');
      trouble(troubled);
      for (const account of others.slice(301)) cache.of(account);
      const shown = names(cache);
      assert.deepEqual([shown.length, shown[1]], [500, 'other 300']);
      assert.equal(shown.filter((account) => account === 'other 300').length, 1);
    });
  }

  it('are those as well that are not in the cache any more because a renewal is under way', () => {
    const cache = cacheOf(['a'], 2);
    const busy = cache.of('busy');
    busy.addReference();
    busy.addReference();
    for (const account of ['x', 'y', 'z']) cache.of(account);
    assert.ok(cache.all().includes(busy));
    assert.deepEqual(cache.count, { known: 100_000, inMemory: 3 });
    assert.ok(names(cache).includes('busy'));
    cache.leave(busy);
    assert.equal(cache.count.inMemory, 3, 'it is in use still');
    cache.leave(busy);
    assert.deepEqual([cache.peek('busy'), cache.count.inMemory], [busy, 2]);
  });
});

describe('an account that there is not', () => {
  it('is an error that names it', () => {
    assert.throws(() => cacheOf([]).of('unknown'), { code: 'internal', detail: 'no account named unknown' });
  });
});
