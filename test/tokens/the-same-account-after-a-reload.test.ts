import assert from 'node:assert/strict';
import { TokenManager } from '../../src/tokens/manager.ts';
import type { CredentialStatus } from '../../src/tokens/status.ts';
import { failed, fakeCredential, granted, managed, refused, type FakeCredential } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';

const status = (manager: TokenManager): CredentialStatus => manager.status()[0]!;
/** The same login with another password. */
const corrected = (change: Parameters<typeof fakeCredential>[0] = {}): FakeCredential =>
  fakeCredential({ credentialsFingerprint: 'corrected', ...change });

describe('an account that is the same after a reload', () => {
  it('keeps its token without a look at the store', async () => {
    const { manager, store, observed } = await managed(fakeCredential());
    const token = await manager.get('crm');
    store.failing.add('read');
    const next = fakeCredential();
    assert.equal(manager.reconfigure([next]).size, 0);
    assert.equal(manager.get('crm'), token);
    await settled();
    assert.deepEqual([observed.storeFailed, next.calls], [[], []]);
  });

  it('that was dead makes one login with its new password, and is not shown as dead until then', async () => {
    const { manager } = await managed(fakeCredential({}, refused));
    await assert.rejects(async () => manager.get('crm'), { code: 'credential_dead' });
    const next = corrected();
    manager.reconfigure([next]);
    assert.deepEqual([status(manager).state, status(manager).dead], ['unused', false]);
    await settled();
    assert.deepEqual([status(manager).state, status(manager).dead], ['unused', false]);
    assert.equal((await manager.get('crm')).generation, 1);
    assert.deepEqual(next.calls, ['login']);
  });

  it('that was dead stays dead if its password is the same', async () => {
    const { manager } = await managed(fakeCredential({}, refused));
    await assert.rejects(async () => manager.get('crm'), { code: 'credential_dead' });
    const next = fakeCredential();
    manager.reconfigure([next]);
    assert.equal(status(manager).dead, true);
    await assert.rejects(async () => manager.get('crm'), { code: 'credential_dead' });
    assert.deepEqual(next.calls, []);
  });

  it('ends the pause before a doubtful password is tried again, if that has changed', async () => {
    const { manager } = await managed(fakeCredential({ canRefresh: false }, granted(), refused));
    const token = await manager.get('crm');
    await assert.rejects(async () => manager.renew('crm', token), { code: 'token_unavailable' });
    assert.match(status(manager).problem!, /refused the login/);
    assert.notEqual(status(manager).retryAt, undefined);
    const next = corrected({ canRefresh: false });
    manager.reconfigure([next]);
    assert.doesNotMatch(status(manager).problem!, /refused the login/);
    assert.equal(status(manager).retryAt, undefined);
    assert.notEqual(await manager.renew('crm', token), token);
    assert.deepEqual(next.calls, ['login']);
  });

  it('keeps the pause after a failure of the endpoint, whatever its password', async () => {
    const { manager, clock } = await managed(fakeCredential({}, failed({ retryAfter: 60 })));
    await assert.rejects(async () => manager.get('crm'), { code: 'token_unavailable' });
    const next = corrected();
    manager.reconfigure([next]);
    assert.match(status(manager).problem!, /the login failed/);
    assert.notEqual(status(manager).retryAt, undefined);
    await settled();
    await assert.rejects(async () => manager.get('crm'), { code: 'token_unavailable', retryAfter: 60 });
    assert.deepEqual(next.calls, []);
    clock.pass(60_000);
    await manager.get('crm');
    assert.deepEqual(next.calls, ['login']);
  });

  it('has the files of its new secrets read at the next request, though those before were read just now', async () => {
    let reads = 0;
    const reread = async (): Promise<boolean> => {
      reads += 1;
      return false;
    };
    const { manager } = await managed(fakeCredential({ reread }, refused));
    for (let request = 0; request < 3; request += 1)
      await assert.rejects(async () => manager.get('crm'), { code: 'credential_dead' });
    // After the refusal, and once since.
    assert.equal(reads, 2);
    manager.reconfigure([corrected({ reread })]);
    await manager.get('crm');
    assert.equal(reads, 3);
  });

  it('says nothing of its former budgets until the new ones have been read', async () => {
    const budget = (logins: number) => ({ key: `of ${logins}`, logins, window: 60_000, reserve: 0 });
    const settings = (logins: number): Parameters<typeof fakeCredential>[0] => ({
      budget: budget(logins),
      renewalBudgets: [budget(logins + 1)],
    });
    const { manager } = await managed(fakeCredential(settings(5)));
    const limits = (): unknown[] => {
      const { budget: logins, renewalsLeft } = status(manager);
      return [logins?.limit, renewalsLeft?.map(({ limit }) => limit)];
    };
    assert.deepEqual(limits(), [5, [6]]);
    manager.reconfigure([fakeCredential(settings(7))]);
    assert.deepEqual(limits(), [undefined, undefined]);
    await manager.refreshBudgets();
    assert.deepEqual(limits(), [7, [8]]);
  });

  it('is renewed early from then on if the flow says so now, and not any more if it does not', async () => {
    const { manager, clock } = await managed(fakeCredential());
    await manager.get('crm');
    const early = fakeCredential({ renew: 'early' });
    manager.reconfigure([early]);
    clock.pass(0.86 * 3_600_000);
    await manager.get('crm');
    await settled();
    assert.deepEqual(early.calls, ['refresh']);
    const onDemand = fakeCredential();
    manager.reconfigure([onDemand]);
    clock.pass(0.9 * 3_600_000);
    await manager.get('crm');
    await settled();
    assert.deepEqual([early.calls, onDemand.calls], [['refresh'], []]);
  });

  it('is not renewed for new settings if it has no token yet', async () => {
    const { manager } = await managed(fakeCredential());
    const early = fakeCredential({ renew: 'early', fits: () => false });
    manager.reconfigure([early]);
    await settled();
    assert.deepEqual([status(manager).state, early.calls], ['unused', []]);
  });

  it('is not renewed any earlier by many reloads', async () => {
    const draws = [0];
    const { manager, clock } = await managed(fakeCredential({ renew: 'early' }), { random: () => draws.shift() ?? 1 });
    await manager.get('crm');
    const next = fakeCredential({ renew: 'early' });
    for (let round = 0; round < 3; round += 1) manager.reconfigure([next]);
    clock.pass(0.85 * 3_600_000 - 1);
    await manager.get('crm');
    await settled();
    assert.deepEqual(next.calls, []);
  });

  it('has a token renewed that the flow cannot use any more, before a request gets it', async () => {
    const { manager } = await managed(fakeCredential());
    const token = await manager.get('crm');
    const next = fakeCredential({ fits: (one) => one.reveal() !== token.reveal() });
    manager.reconfigure([next]);
    assert.notEqual((await manager.get('crm')).reveal(), token.reveal());
    assert.deepEqual(next.calls, ['refresh']);
  });

  it('keeps a fixed token, which nothing could renew', async () => {
    const { manager, store, observed } = await managed(fakeCredential({ staticToken: 'fixed' }));
    const token = manager.get('crm');
    assert.equal(status(manager).fixed, true);
    store.failing.add('read');
    manager.reconfigure([corrected({ staticToken: 'fixed', fits: () => false })]);
    assert.equal(manager.get('crm'), token);
    await settled();
    assert.deepEqual(observed.storeFailed, []);
  });

  it('has its record read with a new password in the background, and no harm is done if that fails', async () => {
    const { manager, store, observed } = await managed(fakeCredential());
    const token = await manager.get('crm');
    store.failing.add('read');
    const next = corrected();
    manager.reconfigure([next]);
    assert.equal(manager.get('crm'), token);
    await settled();
    assert.ok(observed.storeFailed.includes('read'));
    store.failing.clear();
    assert.notEqual(await manager.renew('crm', token), token);
    assert.deepEqual(next.calls, ['refresh']);
  });
});

describe('limits after a reload', () => {
  it('of accounts in memory and of waiting requests are the new ones', async () => {
    const never = (): FakeCredential => fakeCredential({ account: 'slow' }, () => new Promise(() => undefined));
    const source = (slow: FakeCredential) => {
      const get = (account: string): FakeCredential => (account === 'slow' ? slow : fakeCredential({ account }));
      return { get, has: () => true, size: 9, declared: [], names: () => [] };
    };
    const { store, records, clock } = await managed([]);
    const ignore = (): void => undefined;
    const observer = { renewed: ignore, suppressed: ignore, changed: ignore, storeFailed: ignore };
    const manager = new TokenManager(source(never()), { store, records, observer, clock, maxAccounts: 3 });
    for (const account of ['a', 'b', 'c', 'd']) await manager.get(account);
    assert.equal(manager.count.inMemory, 3);
    await manager.get('b');
    manager.reconfigure(source(never()), { maxAccounts: 2, maxWaiting: 1 });
    // Those that were used last stay.
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].filter((account) => manager.statusOf(account) !== undefined),
      ['b', 'd'],
    );
    void manager.get('slow');
    await assert.rejects(async () => manager.get('slow'), { code: 'too_many_waiting' });
    // Not said any more: as many accounts as by default, and as many may wait as before.
    manager.reconfigure(source(never()));
    for (const account of ['a', 'b', 'c', 'd']) await manager.get(account);
    assert.equal(manager.count.inMemory, 5);
    await assert.rejects(async () => manager.get('slow'), { code: 'too_many_waiting' });
  });
});
