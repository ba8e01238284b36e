import assert from 'node:assert/strict';
import type { CredentialRecord } from '../../src/tokens/records.ts';
import { Token } from '../../src/tokens/token.ts';
import { fakeCredential, granted } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

/** A refresh that is granted after another process has written this into the record; then another renewal, if any. */
async function grantedAfter(theirs: (now: number) => Partial<CredentialRecord>) {
  const credential = fakeCredential({}, granted({ refreshSecret: 'r1' }), async () => {
    await world.leave({ intent: undefined, ...theirs(world.clock.wall()) });
    return granted({ secret: 'ours', refreshSecret: 'r2' });
  });
  const world = await inVirtualTime(credential);
  const first = await world.token(() => world.manager.get('crm'));
  const token = await world.token(() => world.manager.renew('crm', first));
  const { generation, token: stored } = await world.stored();
  assert.deepEqual([token.generation, token.reveal()], [generation, stored?.reveal()], 'what is stored is used');
  return { credential, token, reports: world.observed.renewed };
}

/** Their token, of the second generation. */
function second(now: number, left: number): Partial<CredentialRecord> {
  const facts = { generation: 2, obtainedAt: now - 60_000, expiresAt: now + left, refreshExpiresAt: undefined };
  return { generation: 2, token: new Token({ ...facts, deadline: 0 }, 'theirs', 'their refresh token') };
}

describe('a grant that comes when another process has written the record', () => {
  it('is dropped for its newer token, which is in use already', async () => {
    const { token, credential } = await grantedAfter((now) => second(now, 60_000));
    assert.equal(token.reveal(), 'theirs');
    assert.deepEqual(credential.spent, ['r1']);
  });

  it('is dropped also if that has expired: its refresh token is the newer one, and is spent next', async () => {
    const { token, credential } = await grantedAfter((now) => second(now, -1));
    assert.equal(token.generation, 3);
    assert.deepEqual(credential.spent, ['r1', 'their refresh token']);
  });

  it('is stored over a note or a failure that came without a token', async () => {
    const { token, credential, reports } = await grantedAfter((now) => ({ failures: 1, retryAt: now }));
    assert.deepEqual([token.generation, token.reveal(), credential.spent], [2, 'ours', ['r1']]);
    assert.deepEqual(reports, ['login granted', 'refresh granted']);
  });

  it('is stored above a record without a token, of whatever generation', async () => {
    const { token, credential } = await grantedAfter(() => ({ generation: 5, token: undefined }));
    assert.deepEqual([token.generation, token.reveal(), credential.spent], [6, 'ours', ['r1']]);
  });
});

describe('a grant that comes when another process has written the record a second time', () => {
  /** The other process writes a failure at the moment of the spend note, and its token while the call is under way. */
  async function secondTime(left: number) {
    const credential = fakeCredential({}, granted(), async () => {
      await world.leave({ intent: undefined, ...second(world.clock.wall(), left) });
      return granted({ secret: 'ours' });
    });
    const world = await inVirtualTime(credential);
    const first = await world.token(() => world.manager.get('crm'));
    world.store.beforeReplace = async () => {
      world.store.beforeReplace = undefined;
      await world.leave({ failures: 1 });
    };
    return { ...world, credential, request: () => world.manager.renew('crm', first) };
  }

  it('is dropped for its newer token, which is in use already', async () => {
    const { token, request, credential } = await secondTime(60_000);
    assert.equal((await token(request)).reveal(), 'theirs');
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('is dropped if that has expired, and callers are told to come again in a second', async () => {
    const { error, token, request, credential } = await secondTime(-1);
    const { code, retryAfter, detail } = await error(request);
    assert.deepEqual([code, retryAfter], ['token_unavailable', 1]);
    assert.match(detail ?? '', /^account crm: another process has renewed it/);
    assert.equal((await token(request)).generation, 3);
    assert.equal(credential.spent.at(-1), 'their refresh token');
  });
});

describe('a token that is written back into an emptied store', () => {
  for (const [also, times] of [
    ['', 1],
    [', and once more before the note of the renewal', 2],
  ] as const)
    it(`while another process writes the same${also}: the request is served all the same`, async () => {
      const credential = fakeCredential({}, granted({ refreshSecret: 'r1' }));
      const { manager, store, token } = await inVirtualTime(credential);
      const first = await token(() => manager.get('crm'));
      store.records.clear();
      let writes = 0;
      store.beforeReplace = (account, next) => {
        writes += 1;
        if (writes === 1) store.records.set(account, next);
        const { revision } = next;
        if (writes === 2 && times === 2) store.records.set(account, { ...store.records.get(account)!, revision });
      };
      assert.equal((await token(() => manager.renew('crm', first))).generation, 2);
      assert.deepEqual([credential.calls, credential.spent], [['login', 'refresh'], ['r1']]);
    });

  it('is written once if the store cannot be written, and the request fails', async () => {
    const credential = fakeCredential();
    const { manager, store, token, error, observed } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    store.records.clear();
    store.failing.add('replace');
    assert.equal((await error(() => manager.renew('crm', first))).code, 'store_unavailable');
    assert.deepEqual([observed.storeFailed, credential.calls], [['write'], ['login']]);
  });
});
