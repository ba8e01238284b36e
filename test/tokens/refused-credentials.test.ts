import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import { failed, granted, managed, fakeCredential, refused } from '../support/credential.ts';

const isDead = (error: unknown): boolean =>
  error instanceof TokenwardError && error.code === 'credential_dead' && error.retryAfter === undefined;

describe('credentials that were refused', () => {
  it('are not tried again, however often somebody asks and however long', async () => {
    const credential = fakeCredential({}, refused);
    const { manager, clock, observed: observed } = await managed(credential);
    for (let hour = 0; hour < 48; hour += 1) {
      await assert.rejects(async () => manager.get('crm'), isDead);
      clock.pass(3_600_000);
    }
    assert.deepEqual(credential.calls, ['login']);
    assert.equal(observed.suppressed.length, 47);
    assert.deepEqual([manager.status()[0]?.dead, manager.status()[0]?.ready], [true, false]);
  });

  it('stay refused over a restart', async () => {
    const world = await managed(fakeCredential({}, refused));
    await assert.rejects(async () => world.manager.get('crm'));
    const later = fakeCredential();
    const { manager } = await world.restart(later);
    assert.equal(manager.status()[0]?.dead, true);
    assert.match(manager.status()[0]?.problem ?? '', /refused the login/);
    await assert.rejects(async () => manager.get('crm'), isDead);
    assert.deepEqual(later.calls, []);
  });

  it('get a new chance when they have been changed', async () => {
    const world = await managed(fakeCredential({}, refused));
    await assert.rejects(async () => world.manager.get('crm'));
    const later = fakeCredential({ credentialsFingerprint: 'others' });
    const { manager } = await world.restart(later);
    assert.deepEqual([manager.status()[0]?.dead, manager.status()[0]?.ready], [false, true]);
    assert.equal((await manager.get('crm')).generation, 1);
    assert.deepEqual(later.calls, ['login']);
    const third = await world.restart(fakeCredential());
    assert.equal((await third.manager.get('crm')).generation, 1);
  });

  it('get one when an operator says so', async () => {
    const credential = fakeCredential({}, refused);
    const { manager } = await managed(credential);
    await assert.rejects(async () => manager.get('crm'));
    assert.equal((await manager.renewNow('crm')).generation, 1);
    assert.deepEqual(
      [manager.status()[0]?.dead, manager.status()[0]?.ready, manager.status()[0]?.problem],
      [false, true, undefined],
    );
    assert.equal((await manager.get('crm')).generation, 1);
    assert.deepEqual(credential.calls, ['login', 'login']);
  });

  it("an operator's try that is refused again leaves them dead", async () => {
    const credential = fakeCredential({}, refused, refused);
    const { manager } = await managed(credential);
    await assert.rejects(async () => manager.get('crm'));
    await assert.rejects(manager.renewNow('crm'), isDead);
    await assert.rejects(async () => manager.get('crm'), isDead);
    assert.deepEqual(credential.calls, ['login', 'login']);
  });

  it('leave the token that still lives in use, over a restart too', async () => {
    const credential = fakeCredential({}, granted({ lifetime: 36_000 }), refused, refused);
    const world = await managed(credential);
    const first = await world.manager.get('crm');
    // Longer ago than a login that would earn a second look.
    world.clock.pass(3_700_000);
    await assert.rejects(async () => world.manager.renew('crm', first), isDead);
    assert.equal(world.manager.get('crm'), first);
    const { manager } = await world.restart(fakeCredential());
    assert.equal((await manager.get('crm')).reveal(), first.reveal());
    assert.equal(manager.status()[0]?.dead, true);
  });

  it('one process finds out: the others on the same store do not try', async () => {
    const world = await managed(fakeCredential({}, refused));
    const others = fakeCredential();
    const other = await world.restart(others);
    await assert.rejects(async () => world.manager.get('crm'));
    await assert.rejects(async () => other.manager.get('crm'), isDead);
    assert.deepEqual(others.calls, []);
  });

  it('a token of somebody else (another user, another endpoint) is not used', async () => {
    const world = await managed(fakeCredential({}, granted({ secret: 'of the first' })));
    await world.manager.get('crm');
    const later = fakeCredential({ identity: 'somebody else', credentialsFingerprint: 'others' });
    const { manager, records } = await world.restart(later);
    const token = await manager.get('crm');
    assert.notEqual(token.reveal(), 'of the first');
    // Nor is its refresh token.
    assert.deepEqual(later.calls, ['login']);
    assert.equal((await records.read('crm', 'somebody else')).token?.reveal(), token.reveal());
    // The other one's is left as it was: it may belong to another deployment.
    assert.equal((await records.read('crm', 'who')).token?.reveal(), 'of the first');
  });
});

describe("an operator's renewal", () => {
  it('brings a new token although the old one lives', async () => {
    const credential = fakeCredential();
    const { manager } = await managed(credential);
    await manager.get('crm');
    assert.equal((await manager.renewNow('crm')).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('does not wait for the pause after a failure', async () => {
    const credential = fakeCredential({}, failed(), failed());
    const { manager } = await managed(credential);
    await assert.rejects(async () => manager.get('crm'));
    assert.equal((await manager.renewNow('crm')).generation, 1);
  });

  it('of a fixed token is turned down, and the token stays in use', async () => {
    const credential = fakeCredential({ staticToken: 'api-key', canRefresh: false });
    const world = await managed(credential);
    await assert.rejects(async () => world.manager.renewNow('crm'), TokenwardError);
    assert.deepEqual(credential.calls, []);
    assert.equal((await world.manager.get('crm')).reveal(), 'api-key');
    assert.deepEqual([world.manager.status()[0]?.dead, world.manager.status()[0]?.ready], [false, true]);
    const { manager } = await world.restart(fakeCredential({ staticToken: 'another key', canRefresh: false }));
    assert.equal((await manager.get('crm')).reveal(), 'another key');
  });
});
