import assert from 'node:assert/strict';
import { failed, fakeCredential, granted, managed } from '../support/credential.ts';

const ignore = (): void => undefined;

/** Two accounts with a token each, and whose state changed. */
async function two() {
  const changes: string[] = [];
  const changed = ({ account }: { account: string }): void => void changes.push(account);
  const observer = { renewed: ignore, suppressed: ignore, changed, storeFailed: ignore };
  const timeout = failed({ reason: 'timeout' });
  const crm = fakeCredential({}, granted({ lifetime: 36_000 }), timeout);
  const { manager, clock } = await managed([crm, fakeCredential({ account: 'other' })], { observer });
  const token = await manager.get('crm');
  await manager.get('other');
  changes.length = 0;
  const rejectedAt = (account: string): number | undefined => manager.statusOf(account)?.refusedAt;
  return { manager, clock, token, changes, rejectedAt };
}

describe('a rejected token', () => {
  it('is shown with the time of the rejection, until an upstream accepts it', async () => {
    const { manager, clock, token, changes, rejectedAt } = await two();
    manager.rejected('crm', token);
    assert.deepEqual([rejectedAt('crm'), rejectedAt('other')], [clock.wall(), undefined]);
    manager.accepted('crm', token);
    assert.equal(rejectedAt('crm'), undefined);
    assert.deepEqual(changes, ['crm', 'crm']);
  });

  it('stays so when the token of another account is accepted', async () => {
    const { manager, token, changes, rejectedAt } = await two();
    manager.rejected('crm', token);
    changes.length = 0;
    manager.accepted('other', await manager.get('other'));
    assert.ok(rejectedAt('crm')! > 0);
    assert.deepEqual(changes, []);
  });

  it('that is accepted without a rejection changes nothing', async () => {
    const { manager, token, changes } = await two();
    manager.accepted('crm', token);
    assert.deepEqual(changes, []);
    // Had it counted as accepted again, the next rejection would say nothing.
    manager.rejected('crm', token);
    assert.equal(manager.statusOf('crm')?.state, 'down');
  });

  it('stays so when an earlier token is accepted, and an earlier one is rejected in vain', async () => {
    const { manager, token, changes, rejectedAt } = await two();
    const second = await manager.renewNow('crm').catch(() => manager.renewNow('crm'));
    assert.equal(second.generation, 2);
    changes.length = 0;
    manager.rejected('crm', token);
    assert.deepEqual([rejectedAt('crm'), changes], [undefined, []]);
    manager.rejected('crm', second);
    manager.accepted('crm', token);
    assert.ok(rejectedAt('crm')! > 0);
    assert.deepEqual(changes, ['crm']);
  });

  it('is shown as rejected when its renewal fails', async () => {
    const { manager, token, rejectedAt } = await two();
    await assert.rejects(async () => manager.renew('crm', token));
    assert.ok(rejectedAt('crm')! > 0);
    assert.equal(manager.statusOf('crm')?.state, 'down');
  });

  it('that others are accepted with concerns one request: its next rejection is not shown', async () => {
    const { manager, token, rejectedAt } = await two();
    manager.rejected('crm', token);
    manager.accepted('crm', token);
    manager.rejected('crm', token);
    assert.equal(rejectedAt('crm'), undefined);
  });
});
