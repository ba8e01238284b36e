import assert from 'node:assert/strict';
import { fakeCredential, granted, managed } from '../support/credential.ts';

const LACKS_A_VALUE = { fits: () => false };

describe('a stored token that requests cannot carry since the flow was changed', () => {
  it('is refreshed before the first request gets one', async () => {
    const before = await managed(fakeCredential({}, granted({ refreshSecret: 'stored' })));
    await before.manager.get('crm');
    const credential = fakeCredential(LACKS_A_VALUE);
    const { manager } = await before.restart(credential);
    assert.equal((await manager.get('crm')).generation, 2);
    assert.deepEqual(credential.spent, ['stored']);
  });

  it('is refreshed once: the new one is used, whatever it lacks', async () => {
    const before = await managed(fakeCredential());
    await before.manager.get('crm');
    const credential = fakeCredential(LACKS_A_VALUE);
    const { manager } = await before.restart(credential);
    await Promise.all([manager.get('crm'), manager.get('crm')]);
    await manager.get('crm');
    assert.equal(credential.calls.length, 1);
  });
});

describe('a token that no request can carry', () => {
  it('makes its account one that is down, with the reason, until the next token', async () => {
    const credential = fakeCredential({});
    const { manager, clock } = await managed(credential);
    const token = await manager.get('crm');
    manager.unsendable('crm', token, 'its upstream is not allowed');
    const status = manager.statusOf('crm')!;
    assert.deepEqual(
      [status.state, status.ready, status.problem],
      ['down', false, 'no request can carry its token: its upstream is not allowed'],
    );
    clock.pass(11_000);
    await manager.renewNow('crm');
    assert.equal(manager.statusOf('crm')!.state, 'working');
  });

  it('is told once, however many requests there are', async () => {
    let changes = 0;
    const ignore = (): void => undefined;
    const observer = { renewed: ignore, suppressed: ignore, storeFailed: ignore, changed: () => void (changes += 1) };
    const { manager } = await managed(fakeCredential(), { observer });
    const token = await manager.get('crm');
    changes = 0;
    for (let i = 0; i < 3; i += 1) manager.unsendable('crm', token, 'its upstream is not allowed');
    assert.equal(changes, 1);
    manager.unsendable('crm', token, 'it is too long');
    assert.equal(changes, 2);
  });

  it('of an account that has none any more in memory is not noted', async () => {
    const before = await managed(fakeCredential());
    const token = await before.manager.get('crm');
    const { manager } = await managed(fakeCredential());
    manager.unsendable('crm', token, 'too late');
    assert.equal(manager.statusOf('crm')!.problem, undefined);
  });

  it('says nothing of a newer one', async () => {
    const { manager } = await managed(fakeCredential({}));
    const old = await manager.get('crm');
    await manager.renewNow('crm');
    manager.unsendable('crm', old, 'too late');
    assert.equal(manager.statusOf('crm')!.state, 'working');
  });
});
