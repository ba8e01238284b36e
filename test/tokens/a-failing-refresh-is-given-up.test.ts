import assert from 'node:assert/strict';
import type { TokenwardError } from '../../src/errors.ts';
import { failed, granted, managed, fakeCredential } from '../support/credential.ts';

const answered = failed({ reason: 'status_5xx' });
const budget = { key: 'logins', logins: 100, window: 86_400_000, reserve: 20 };

describe('a refresh that keeps failing though its endpoint answers', () => {
  it('is given up for a login after three tries, and the caller has a token within seconds', async () => {
    const credential = fakeCredential({ budget }, granted(), answered, answered, answered);
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: TokenwardError) => error.code === 'token_unavailable' && error.status === 503,
    );
    clock.pass(3_000);
    assert.equal((await manager.renew('crm', first)).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'refresh', 'refresh', 'login']);
  });

  it('while the login fails as well, the refresh token is kept, and one login in five minutes is all that is spent', async () => {
    const credential = fakeCredential(
      { budget },
      granted({ refreshSecret: 'r1' }),
      ...Array.from({ length: 100 }, () => answered),
    );
    const { manager, clock, store } = await managed(credential);
    const first = await manager.get('crm');
    for (let second = 0; second < 600; second += 5) {
      await Promise.resolve(manager.renew('crm', first)).catch(() => undefined);
      clock.pass(5_000);
    }
    assert.ok(
      (store.debits.get('logins') ?? []).length <= 5,
      `${store.debits.get('logins')?.length} logins in ten minutes`,
    );
    assert.ok(credential.spent.every((spent) => spent === 'r1'));
    credential.answers.length = 0;
    clock.pass(20_000);
    assert.equal((await manager.renew('crm', first)).generation, 2);
    assert.equal(credential.calls.at(-1), 'refresh');
  });

  it('is not given up while the old token serves: there is time, and logins are rationed', async () => {
    const credential = fakeCredential(
      { budget, renew: 'early' },
      granted(),
      ...Array.from({ length: 10 }, () => answered),
    );
    const { manager, clock } = await managed(credential);
    await manager.get('crm');
    clock.pass(0.86 * 3_600_000);
    for (let i = 0; i < 4; i += 1) {
      await manager.get('crm');
      await manager.close().catch(() => undefined);
      clock.pass(100_000);
    }
    assert.equal(credential.calls.filter((kind) => kind === 'login').length, 1);
  });

  it('an operator can ask for a login whatever the refresh would come to', async () => {
    const credential = fakeCredential({}, granted());
    const { manager } = await managed(credential);
    await manager.get('crm');
    assert.equal((await manager.renewNow('crm', { login: true })).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'login']);
  });
});
