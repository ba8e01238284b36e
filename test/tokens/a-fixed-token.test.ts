import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';

const ignore = (): void => undefined;

/** An account with a fixed token, and how often its state changed. */
async function fixed() {
  let changes = 0;
  const observer = { renewed: ignore, suppressed: ignore, changed: () => void (changes += 1), storeFailed: ignore };
  const credential = fakeCredential({ staticToken: 'key', canLogin: false, canRefresh: false });
  const world = await managed([credential, fakeCredential({ account: 'other' })], { observer });
  changes = 0;
  return { ...world, credential, token: await world.manager.get('crm'), changes: () => changes };
}

describe('a fixed token', () => {
  it('is the first generation, and never ends', async () => {
    const { manager, clock, token } = await fixed();
    assert.deepEqual([token.reveal(), token.generation, token.expiresAt], ['key', 1, undefined]);
    assert.equal(token.obtainedAt, clock.wall());
    clock.pass(1e12);
    assert.equal(manager.get('crm'), token);
  });

  it('cannot be renewed, while others can', async () => {
    const { manager } = await fixed();
    assert.deepEqual([manager.canRenew('crm'), manager.canRenew('other')], [false, true]);
  });

  it('that is rejected is an error that says so, and a state that says so', async () => {
    const { manager, clock, token, credential, changes } = await fixed();
    assert.throws(() => manager.renew('crm', token), {
      code: 'credential_dead',
      detail: 'account crm: the upstream rejected its fixed token',
    });
    assert.equal(changes(), 1);
    const [state] = manager.status();
    assert.deepEqual([state?.state, state?.refusedAt], ['down', clock.wall()]);
    assert.deepEqual(credential.calls, []);
    // It may be accepted again at any time.
    assert.equal(manager.get('crm'), token);
  });

  it('counts as rejected again after it was accepted', async () => {
    const { manager, clock, token } = await fixed();
    manager.rejected('crm', token);
    manager.accepted('crm', token);
    clock.pass(60_000);
    manager.rejected('crm', token);
    assert.equal(manager.status()[0]?.state, 'down');
  });

  it('is not renewed by hand: the error says where to change it', async () => {
    const { manager, credential } = await fixed();
    await assert.rejects(manager.renewNow('crm'), {
      code: 'token_unavailable',
      detail: 'account crm: its token is fixed; change it in the configuration',
    });
    assert.deepEqual(credential.calls, []);
  });

  it('stays itself, whatever record of its name the store holds', async () => {
    const world = await managed(fakeCredential());
    await world.manager.get('crm');
    const { manager } = await world.restart(fakeCredential({ staticToken: 'key' }));
    assert.equal((await manager.get('crm')).reveal(), 'key');
  });
});
