import assert from 'node:assert/strict';
import { chatapp, freshSandbox } from './client.ts';

describe('sandbox: chatapp quota of tokens.make', () => {
  const sandbox = freshSandbox();

  it('refuses the 101st of a day, and counts per email and appId', async () => {
    const other = { ...sandbox().credentials.chatapp, appId: 'app_2_2' };
    sandbox().chatapp.accounts.push(other);
    for (let i = 0; i < 100; i++) assert.equal((await chatapp.login(sandbox())).status, 200);
    const refused = await chatapp.login(sandbox());
    assert.deepEqual([refused.status, refused.at('error.code')], [429, 'ApiTooManyRequestsError']);
    assert.equal(sandbox().ledger.last()?.outcome, 'quota');
    assert.equal((await chatapp.login(sandbox(), other)).status, 200);
    assert.equal(sandbox().chatapp.tokens.issued, 101);
  });

  it('does not count refused logins', async () => {
    sandbox().chatapp.set({ quotaLimit: 1 });
    await chatapp.login(sandbox(), { ...sandbox().credentials.chatapp, password: 'no' });
    assert.equal(sandbox().chatapp.quotaUsed(), 0);
    assert.equal((await chatapp.login(sandbox())).status, 200);
    assert.equal((await chatapp.login(sandbox())).status, 429);
  });

  it('rolls: a day later there is room again', async () => {
    sandbox().chatapp.set({ quotaLimit: 1 });
    await chatapp.login(sandbox());
    sandbox().chatapp.set({ clockSkewSeconds: 86_399 });
    assert.equal((await chatapp.login(sandbox())).status, 429);
    sandbox().chatapp.set({ clockSkewSeconds: 86_401 });
    assert.equal((await chatapp.login(sandbox())).status, 200);
  });

  it('does not limit refreshes', async () => {
    sandbox().chatapp.set({ quotaLimit: 0, rotation: 'keep-old' });
    const { refreshToken } = sandbox().chatapp.issueToken();
    for (let i = 0; i < 3; i++) assert.equal((await chatapp.refresh(sandbox(), refreshToken ?? '')).status, 200);
  });
});
