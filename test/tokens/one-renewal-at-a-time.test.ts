import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import { failed, granted, managed, fakeCredential } from '../support/credential.ts';

/** An answer the test gives when it likes. */
function held(): { answer: () => Promise<Outcome>; give: (outcome: Outcome) => void } {
  let give!: (outcome: Outcome) => void;
  const promise = new Promise<Outcome>((resolve) => (give = resolve));
  return { answer: () => promise, give };
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
};

describe('the token manager', () => {
  it('1,000 callers who want the first token cost one login and get the same one', async () => {
    const credential = fakeCredential();
    const { manager } = await managed(credential);
    const tokens = await Promise.all(Array.from({ length: 1_000 }, async () => manager.get('crm')));
    assert.equal(new Set(tokens).size, 1);
    assert.deepEqual(credential.calls, ['login']);
    assert.equal(manager.get('crm'), tokens[0], 'with a token in memory there is nothing to wait for');
  });

  it('1,000 refusals of one token cost one refresh, early and late ones together', async () => {
    const credential = fakeCredential();
    const { manager } = await managed(credential);
    const first = await manager.get('crm');
    const soon = await Promise.all(Array.from({ length: 500 }, async () => manager.renew('crm', first)));
    const late = await Promise.all(Array.from({ length: 500 }, async () => manager.renew('crm', first)));
    assert.deepEqual([...new Set([...soon, ...late].map(({ generation }) => generation))], [2]);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('a token proved dead goes out to nobody while its successor is on its way; before the proof it does', async () => {
    const slow = held();
    const credential = fakeCredential({}, granted(), slow.answer);
    const { manager } = await managed(credential);
    const first = await manager.get('crm');
    assert.equal(manager.get('crm'), first);
    const renewal = manager.renew('crm', first);
    await turns();
    const meanwhile = manager.get('crm');
    assert.ok(meanwhile instanceof Promise);
    slow.give(granted());
    assert.equal((await meanwhile).generation, 2);
    assert.equal((await renewal).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('a renewal that failed leaves the old token in use', async () => {
    const credential = fakeCredential({}, granted(), failed(), failed());
    const { manager } = await managed(credential);
    const first = await manager.get('crm');
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: unknown) => error instanceof TokenwardError && error.code === 'token_unavailable',
    );
    assert.equal(manager.get('crm'), first);
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: unknown) =>
        error instanceof TokenwardError && error.code === 'token_unavailable' && error.retryAfter! >= 1,
    );
    assert.deepEqual(credential.calls, ['login', 'refresh', 'refresh']);
  });

  it('more callers than may wait are told so at once', async () => {
    const slow = held();
    const credential = fakeCredential({}, slow.answer);
    const { manager } = await managed(credential, { maxWaiting: 10 });
    const waiting = Array.from({ length: 10 }, async () => manager.get('crm'));
    await assert.rejects(async () => manager.get('crm'), {
      code: 'too_many_waiting',
      detail: 'account crm',
      retryAfter: 1,
    });
    slow.give(granted());
    assert.ok((await Promise.all(waiting)).every(({ generation }) => generation === 1));
    assert.equal(manager.status()[0]?.waiting, 0);
  });

  it('accounts do not wait for each other', async () => {
    const slow = held();
    const { manager } = await managed([
      fakeCredential({ account: 'slow' }, slow.answer),
      fakeCredential({ account: 'quick' }),
    ]);
    const waiting = manager.get('slow');
    assert.equal((await manager.get('quick')).generation, 1);
    slow.give(granted());
    await waiting;
  });

  it('closing waits for the renewal under way, and starts no other', async () => {
    const slow = held();
    const credential = fakeCredential({}, slow.answer);
    const { manager, records } = await managed(credential);
    const waiting = manager.get('crm');
    await turns();
    let closed = false;
    const closing = manager.close().then(() => (closed = true));
    await turns();
    assert.equal(closed, false);
    slow.give(granted({ secret: 'stored' }));
    await closing;
    assert.equal((await waiting).reveal(), 'stored');
    assert.equal((await records.read('crm')).token?.reveal(), 'stored');
    await assert.rejects(
      async () => manager.renew('crm', await waiting),
      (error: unknown) => error instanceof TokenwardError && error.code === 'shutting_down',
    );
    assert.deepEqual(credential.calls, ['login']);
  });

  it('a new token is stored before anybody gets it, and its intent before the call', async () => {
    const order: string[] = [];
    const credential = fakeCredential({}, () => {
      order.push('call');
      return granted();
    });
    const world = await managed(credential);
    world.store.beforeReplace = (_account, next) => void order.push(`write generation ${next.generation}`);
    await Promise.resolve(world.manager.get('crm')).then(() => order.push('used'));
    assert.deepEqual(order, ['write generation 0', 'call', 'write generation 1', 'used']);
    assert.equal((await world.records.read('crm')).intent, undefined);
  });
});

describe('two processes on one store', () => {
  it('both want the first token: one login, one generation, for both', async () => {
    const [a, b] = [fakeCredential(), fakeCredential()];
    const first = await managed(a);
    const second = await first.restart(b);
    const tokens = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => (index % 2 === 0 ? first : second).manager.get('crm')),
    );
    assert.equal(a.calls.length + b.calls.length, 1);
    assert.deepEqual([...new Set(tokens.map((token) => token.reveal()))].length, 1);
  });

  it('one has renewed: the other one takes that token over without a call', async () => {
    const [a, b] = [fakeCredential(), fakeCredential()];
    const first = await managed(a);
    const old = await first.manager.get('crm');
    const second = await first.restart(b);
    assert.equal((await second.manager.get('crm')).reveal(), old.reveal());
    const newer = await first.manager.renew('crm', old);
    assert.equal((await second.manager.renew('crm', old)).reveal(), newer.reveal());
    assert.deepEqual(b.calls, []);
    assert.deepEqual(a.calls, ['login', 'refresh']);
  });

  it('a late holder neither overwrites the newer token nor uses his own', async () => {
    const slow = held();
    const [a, b] = [
      fakeCredential({}, granted(), slow.answer),
      fakeCredential({}, granted({ secret: 'the newer one' })),
    ];
    const first = await managed(a);
    const old = await first.manager.get('crm');
    const second = await first.restart(b);
    const late = first.manager.renew('crm', old);
    await turns();
    // He sleeps so long that his lease ends and somebody else takes over. His refresh token may be spent: so a login.
    first.store.leases.clear();
    assert.equal((await second.manager.renew('crm', old)).reveal(), 'the newer one');
    assert.deepEqual(b.calls, ['login']);
    slow.give(granted({ secret: 'too late' }));
    assert.equal((await late).reveal(), 'the newer one');
    const stored = await first.records.read('crm');
    assert.equal(stored.token?.reveal(), 'the newer one');
    assert.equal(stored.generation, 2);
  });

  it('generations never go back over many renewals by both, and no refresh token is spent twice', async () => {
    const [a, b] = [fakeCredential(), fakeCredential()];
    const first = await managed(a);
    const second = await first.restart(b);
    let token = await first.manager.get('crm');
    for (let round = 0; round < 15; round += 1) {
      const old = token;
      const tokens = await Promise.all(
        [first, second, first, second].map(async ({ manager }) => manager.renew('crm', old)),
      );
      assert.equal(new Set(tokens.map((one) => one.reveal())).size, 1);
      assert.equal(tokens[0]!.generation, old.generation + 1);
      token = tokens[0]!;
    }
    assert.equal(a.calls.length + b.calls.length, 16);
    const spent = [...a.spent, ...b.spent];
    assert.equal(new Set(spent).size, spent.length);
  });
});
