import assert from 'node:assert/strict';
import { AccountBusyError } from '../../src/tokens/held-lease.ts';
import { importToken } from '../../src/tokens/import.ts';
import { managed, fakeCredential, refused, type Managed } from '../support/credential.ts';

const REFRESH_ONLY = { refreshSecret: 'imported-refresh', secret: undefined, expiresAt: undefined };

describe('an imported token', () => {
  const bring = (
    { store, records, clock }: Managed,
    credential = fakeCredential(),
    grant: Parameters<typeof importToken>[3] = REFRESH_ONLY,
  ): Promise<number> =>
    importToken(store, records, credential, grant, {
      owner: 'import',
      clock,
      wait: 1_000,
      timers: { after: (ms, action) => (clock.pass(ms), setImmediate(action), () => undefined) },
    });

  it('is the generation after the one stored, and speaks for the configured identity', async () => {
    const credential = fakeCredential();
    const world = await managed(credential);
    await world.manager.get('crm');
    const generation = await bring(world, credential);
    const record = await world.records.read('crm', credential.identity);
    assert.deepEqual(
      [generation, record.generation, record.identity, record.token?.revealRefresh()],
      [2, 2, 'who', 'imported-refresh'],
    );
  });

  it('leaves a record of another identity alone', async () => {
    const world = await managed(fakeCredential({ identity: 'someone else' }));
    const theirs = await world.manager.get('crm');
    await bring(world, fakeCredential({ identity: 'new identity' }));
    assert.equal((await world.records.read('crm', 'new identity')).token?.revealRefresh(), 'imported-refresh');
    assert.equal((await world.records.read('crm', 'someone else')).token?.reveal(), theirs.reveal());
  });

  it('without an access token is never used as one: the next call refreshes', async () => {
    const credential = fakeCredential();
    const world = await managed(credential);
    assert.equal(await bring(world), 1);
    const { manager } = await world.restart(credential);
    assert.equal((await manager.get('crm')).generation, 2);
    assert.deepEqual([credential.calls, credential.spent], [['refresh'], ['imported-refresh']]);
  });

  it('takes away what held renewals back: the dead mark, the pause, the open intent', async () => {
    const credential = fakeCredential({}, refused);
    const world = await managed(credential);
    await assert.rejects(async () => world.manager.get('crm'));
    await world.records.replace('crm', {
      ...(await world.records.read('crm')),
      failures: 7,
      retryAt: world.clock.wall() + 60_000,
      intent: { kind: 'refresh', startedAt: world.clock.wall(), attempt: 1 },
    });
    await bring(world, credential);
    const { dead, failures, retryAt, intent } = await world.records.read('crm');
    assert.deepEqual([dead, failures, retryAt, intent], [undefined, 0, undefined, undefined]);
    assert.equal((await world.manager.get('crm')).generation, 2);
    assert.deepEqual(credential.spent, ['imported-refresh']);
  });

  it('with an access token that lives is used at once', async () => {
    const credential = fakeCredential();
    const world = await managed(credential);
    await bring(world, credential, {
      refreshSecret: 'imported-refresh',
      secret: 'imported-access',
      expiresAt: world.clock.wall() + 60_000,
    });
    assert.equal((await world.manager.get('crm')).reveal(), 'imported-access');
    assert.deepEqual(credential.calls, []);
  });

  it('is not written beside a renewal: refused in clear words if that does not end', async () => {
    const world = await managed(fakeCredential());
    await world.store.acquireLease('crm', 'a running process', 30_000);
    await assert.rejects(
      bring(world),
      (error) => error instanceof AccountBusyError && /is renewing crm/.test(error.message),
    );
    assert.equal((await world.records.read('crm')).revision, 0);
  });

  it('is not lost to a write that comes in between', async () => {
    const world = await managed(fakeCredential());
    let first = true;
    world.store.beforeReplace = async () => {
      if (!first) return;
      first = false;
      await world.records.replace('crm', { ...(await world.records.read('crm')), failures: 1, retryAt: 1 });
    };
    assert.equal(await bring(world), 1);
    assert.equal((await world.records.read('crm')).token?.revealRefresh(), 'imported-refresh');
  });

  it('is not written in the end if others write in between again and again', async () => {
    const world = await managed(fakeCredential());
    let tries = 0;
    let theirs = false;
    world.store.beforeReplace = async () => {
      if (theirs) return;
      tries += 1;
      theirs = true;
      await world.records.replace('crm', { ...(await world.records.read('crm')), failures: tries });
      theirs = false;
    };
    await assert.rejects(
      bring(world),
      (error) => error instanceof AccountBusyError && /record of crm is being changed/.test(error.message),
    );
    assert.equal(tries, 5);
    assert.equal((await world.records.read('crm')).token, undefined);
    assert.equal(world.store.leases.size, 0);
  });

  it('without an end is used until it is rejected', async () => {
    const credential = fakeCredential();
    const world = await managed(credential);
    const grant = { refreshSecret: 'imported-refresh', secret: 'imported-access', expiresAt: undefined };
    await bring(world, credential, grant);
    const token = await world.manager.get('crm');
    world.clock.pass(365 * 86_400_000);
    assert.equal(await world.manager.get('crm'), token);
    assert.deepEqual([token.reveal(), token.expiresAt, credential.calls], ['imported-access', undefined, []]);
  });

  it('that is a refresh token alone is stored without an access token, and has expired', async () => {
    const world = await managed(fakeCredential());
    await bring(world);
    const { token } = await world.records.read('crm');
    assert.deepEqual([token?.reveal(), token?.expiresAt], ['', world.clock.wall()]);
  });

  it('gives the lease back', async () => {
    const world = await managed(fakeCredential());
    await bring(world);
    assert.equal(world.store.leases.size, 0);
  });
});
