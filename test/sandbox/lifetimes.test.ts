import assert from 'node:assert/strict';
import { chatapp, claims, freshSandbox, text, twin } from './client.ts';

describe('sandbox: lifetimes', () => {
  const sandbox = freshSandbox();

  it('an access token dies after accessTtlSeconds, a refresh token after refreshTtlSeconds', async () => {
    sandbox().chatapp.set({ accessTtlSeconds: 0.1, refreshTtlSeconds: 0.25 });
    const { accessToken, refreshToken } = sandbox().chatapp.issueToken();
    assert.equal((await chatapp.get(sandbox(), accessToken)).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 120));
    assert.equal((await chatapp.get(sandbox(), accessToken)).status, 403);
    assert.equal(sandbox().ledger.last()?.reason, 'expired');
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal((await chatapp.refresh(sandbox(), refreshToken ?? '')).status, 403);
  });

  it("follow the vendor's clock, which can be moved", async () => {
    const { accessToken } = sandbox().chatapp.issueToken();
    sandbox().chatapp.set({ clockSkewSeconds: 86_401 });
    assert.equal((await chatapp.get(sandbox(), accessToken)).status, 403);
    const made = await chatapp.login(sandbox());
    assert.ok(Number(made.at('data.accessTokenEndTime')) > Date.now() / 1000 + 2 * 86_400);
  });

  it('no-lifetime leaves every word of them out', async () => {
    sandbox().chatapp.set({ loginMode: 'no-lifetime' });
    const made = await chatapp.login(sandbox());
    assert.deepEqual(Object.keys(made.at('data') as object), ['cabinetUserId', 'accessToken', 'refreshToken']);
    sandbox().twin.set({ loginMode: 'no-lifetime' });
    assert.equal(claims(text(await twin.login(sandbox()), 'token'))['exp'], undefined);
  });
});
