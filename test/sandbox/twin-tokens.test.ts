import assert from 'node:assert/strict';
import { call, claims, freshSandbox, text, twin } from './client.ts';

describe('sandbox: twin tokens', () => {
  const sandbox = freshSandbox();

  it('look like RS512 JWTs of the documented size, the refresh token carrying an access token', async () => {
    const response = await twin.login(sandbox());
    const token = text(response, 'token');
    const refreshToken = text(response, 'refreshToken');
    assert.ok(Math.abs(token.length - 868) < 10, String(token.length));
    assert.ok(Math.abs(refreshToken.length - 1953) < 20, String(refreshToken.length));
    assert.equal(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString(), '{"typ":"JWT","alg":"RS512"}');
    assert.equal(claims(refreshToken)['jti'], token);
  });

  it('live for ttl, an hour by default', async () => {
    const life = (token: string) => Number(claims(token)['exp']) - Number(claims(token)['iat']);
    assert.equal(life(text(await twin.login(sandbox()), 'token')), 3_600);
    const long = await twin.login(sandbox(), { ...sandbox().credentials.twin, ttl: 43_200 });
    assert.equal(life(text(long, 'token')), 43_200);
    const short = await twin.refresh(sandbox(), text(long, 'refreshToken'), { ttl: 60 });
    assert.equal(life(text(short, 'token')), 60);
  });

  for (const ttl of [43_201, 0, 'x']) {
    it(`refuses ttl ${ttl} with 400`, async () => {
      assert.equal((await twin.login(sandbox(), { ...sandbox().credentials.twin, ttl })).status, 400);
    });
  }

  it('refuses a wrong password with 401 and a missing one with 400', async () => {
    assert.equal((await twin.login(sandbox(), { email: 'bots@sandbox.example', password: 'no' })).status, 401);
    assert.equal((await twin.login(sandbox(), { email: 'bots@sandbox.example' })).status, 400);
  });

  it('say "Token is expired." when expired, and something else when revoked', async () => {
    const { accessToken } = sandbox().twin.issueToken();
    sandbox().twin.expireCurrent();
    const expired = await twin.get(sandbox(), accessToken);
    assert.deepEqual([expired.status, expired.at('error')], [401, 'Token is expired.']);
    sandbox().twin.revokeCurrent();
    const revoked = await twin.get(sandbox(), accessToken);
    assert.equal(revoked.status, 401);
    assert.notEqual(revoked.at('error'), 'Token is expired.');
  });

  it('are good on every host, and come from iam only', async () => {
    const { accessToken } = sandbox().twin.issueToken();
    const origins: Readonly<Record<string, string>> = { ...sandbox().urls.twin };
    for (const [name, origin] of Object.entries(origins)) {
      const response = await twin.get(sandbox(), accessToken, origin, '/api/v1/anything');
      assert.equal(response.status, 200, name);
      assert.equal(sandbox().ledger.last()?.service, name);
    }
    const elsewhere = await call(sandbox().urls.twin.cis, '/api/v1/auth/login', { json: sandbox().credentials.twin });
    assert.notEqual(elsewhere.status, 200);
    assert.equal(sandbox().ledger.count({ kind: 'login' }), 0);
  });

  it('a dead refresh token gets 401, one that is missing 400', async () => {
    const { refreshToken } = sandbox().twin.issueToken();
    sandbox().twin.revokeRefresh();
    assert.equal((await twin.refresh(sandbox(), refreshToken ?? '')).status, 401);
    assert.equal((await call(sandbox().urls.twin.iam, '/api/v1/auth/refresh', { json: {} })).status, 400);
  });

  it('a prefix leaves the claims readable', async () => {
    sandbox().twin.set({ tokenPrefix: 'canary' });
    const token = text(await twin.login(sandbox()), 'token');
    assert.match(token, /\.canary/);
    assert.equal(claims(token)['company_id'], 570);
  });
});
