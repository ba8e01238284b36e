import assert from 'node:assert/strict';
import { EMPTY_RECORD, type CredentialRecord } from '../../src/tokens/records.ts';
import { Token } from '../../src/tokens/token.ts';
import { failed, fakeCredential, granted, managed, refused, type FakeCredential } from '../support/credential.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

/** A process that starts with this record of an account whose token has ended. */
async function startedWith(change: Partial<CredentialRecord>, credential: FakeCredential) {
  const time = new VirtualTime();
  const before = await managed(credential, time);
  const wall = time.clock.wall();
  const facts = { generation: 4, obtainedAt: wall - 9_000, expiresAt: wall - 1_000, refreshExpiresAt: undefined };
  const token = new Token({ ...facts, deadline: 0 }, 'a4', 'r4');
  const record = { ...EMPTY_RECORD, identity: 'who', generation: 4, token, ...change };
  await before.records.replace('crm', record);
  return { ...(await before.restart(credential)), time };
}

describe("an operator's renewal", () => {
  it('forgets that the credentials were refused', async () => {
    const credential = fakeCredential();
    const dead = { reason: 'refused', since: 1, credentials: 'which' };
    const { manager, records } = await startedWith({ dead }, credential);
    await assert.rejects(async () => manager.get('crm'), { code: 'credential_dead', detail: 'account crm: refused' });
    assert.equal((await manager.renewNow('crm')).generation, 5);
    assert.equal((await records.read('crm')).dead, undefined);
  });

  it('forgets the pause', async () => {
    const credential = fakeCredential();
    const { manager, time } = await startedWith({}, credential);
    assert.equal(manager.status()[0]?.retryAt, undefined);
    const again = await startedWith({ retryAt: time.clock.wall() + 60_000 }, credential);
    await assert.rejects(async () => again.manager.get('crm'), {
      code: 'token_unavailable',
      detail: 'account crm: the last renewal failed',
    });
    assert.deepEqual([credential.calls, again.observed.suppressed], [[], ['cooldown']]);
    assert.equal((await again.manager.renewNow('crm')).generation, 5);
  });

  it('forgets failures: its call has a quick second try again', async () => {
    const credential = fakeCredential({}, failed());
    const { manager, time } = await startedWith({ failures: 3 }, credential);
    const renewed = manager.renewNow('crm');
    await time.advance(300);
    assert.equal((await renewed).generation, 5);
    assert.deepEqual(credential.calls, ['refresh', 'refresh']);
  });

  it('forgets the last login in place of a refresh: the next may be made at once', async () => {
    const credential = fakeCredential({}, failed(), failed());
    const { manager, time } = await startedWith({ refreshFailures: 3, gaveUpAt: 0 }, credential);
    const kept = await startedWith({ refreshFailures: 3, gaveUpAt: time.clock.wall() - 1 }, credential);
    const renewed = kept.manager.renewNow('crm');
    await kept.time.advance(300);
    assert.equal((await renewed).generation, 5);
    assert.deepEqual(credential.calls, ['refresh', 'refresh', 'login']);
    await manager.close();
  });

  it('with nothing to forget writes its spend note and its token, and no more', async () => {
    const { manager, store } = await startedWith({}, fakeCredential());
    let writes = 0;
    store.beforeReplace = () => void (writes += 1);
    await manager.renewNow('crm');
    assert.equal(writes, 2);
  });

  it('reads a damaged record again at once, and not after the pause', async () => {
    const { manager, store } = await startedWith({}, fakeCredential());
    const good = store.records.get('crm')!;
    store.records.set('crm', { ...good, sealed: Buffer.from('not of this program, but long enough for a head') });
    await assert.rejects(async () => manager.get('crm'), { code: 'store_unavailable' });
    store.records.set('crm', good);
    await assert.rejects(async () => manager.get('crm'), { code: 'store_unavailable' });
    assert.equal((await manager.renewNow('crm')).generation, 5);
    assert.deepEqual([manager.status()[0]?.state, manager.status()[0]?.problem], ['working', undefined]);
  });

  it('brings a token newer than the one that another process has obtained unnoticed', async () => {
    const [ours, theirs] = [fakeCredential(), fakeCredential()];
    const world = await startedWith({}, ours);
    const other = await world.restart(theirs, { owner: 'another process' });
    assert.equal((await other.manager.get('crm')).generation, 5);
    await settled();
    assert.equal((await world.manager.renewNow('crm')).generation, 6);
    assert.deepEqual([ours.calls, theirs.calls], [['refresh'], ['refresh']]);
  });
});

describe("an operator's renewal by login", () => {
  it('logs in although there is a refresh token', async () => {
    const credential = fakeCredential();
    const { manager } = await startedWith({}, credential);
    await manager.renewNow('crm', { login: true });
    assert.deepEqual(credential.calls, ['login']);
  });

  it('of an account without a login says what to do, and calls nobody', async () => {
    const credential = fakeCredential({ canLogin: false });
    const { manager } = await startedWith({}, credential);
    await assert.rejects(manager.renewNow('crm', { login: true }), {
      code: 'token_unavailable',
      detail: 'account crm: its flow has no login; import a new refresh token with: tokenward import crm',
    });
    assert.deepEqual(credential.calls, []);
    await manager.renewNow('crm');
    assert.deepEqual(credential.calls, ['refresh']);
  });

  it('that is refused leaves the account dead', async () => {
    const { manager } = await startedWith({}, fakeCredential({}, granted(), refused));
    const token = await manager.get('crm');
    await assert.rejects(manager.renewNow('crm', { login: true }), { code: 'credential_dead' });
    assert.equal(manager.get('crm'), token);
    assert.deepEqual([manager.status()[0]?.state, manager.status()[0]?.dead], ['degraded', true]);
  });
});
