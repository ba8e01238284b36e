import assert from 'node:assert/strict';
import { granted, managed, fakeCredential } from '../support/credential.ts';

describe('a renamed account that names its former name', () => {
  it('takes its token over: no login, and the refresh token is spent by one name only', async () => {
    const world = await managed(fakeCredential({ account: 'old' }, granted({ secret: 'a1', refreshSecret: 'r1' })));
    await world.manager.get('old');
    await world.manager.close();
    const renamed = fakeCredential({ account: 'new', formerName: 'old' });
    const { manager } = await world.restart(renamed);
    const token = await manager.get('new');
    assert.equal(token.reveal(), 'a1');
    await manager.renew('new', token);
    assert.deepEqual([renamed.calls, renamed.spent], [['refresh'], ['r1']]);
  });

  it('without a record of that name it logs in as any other', async () => {
    const renamed = fakeCredential({ account: 'new', formerName: 'old' });
    const { manager } = await managed(renamed);
    await manager.get('new');
    assert.deepEqual(renamed.calls, ['login']);
  });
});

describe('two deployments with one store and one name for two identities', () => {
  it('keep their tokens beside each other, and are told once', async () => {
    const theirs = fakeCredential({ identity: 'they' });
    const world = await managed(theirs);
    const first = await world.manager.get('crm');
    const told: string[] = [];
    const observer = {
      renewed: () => undefined,
      suppressed: () => undefined,
      changed: () => undefined,
      storeFailed: () => undefined,
      foreignRecord: ({ account }: { account: string }) => void told.push(account),
    };
    const ours = fakeCredential({ identity: 'we' });
    const { manager } = await world.restart(ours, { observer });
    let token = await manager.get('crm');
    for (let i = 0; i < 5; i += 1) {
      token = await manager.renew('crm', token);
      await world.manager.renewNow('crm');
    }
    assert.notEqual(token.reveal(), first.reveal());
    assert.deepEqual(
      [ours.calls.filter((kind) => kind === 'login').length, theirs.calls.filter((kind) => kind === 'login').length],
      [1, 1],
    );
    assert.deepEqual(told, ['crm']);
  });
});
