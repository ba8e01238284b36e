import assert from 'node:assert/strict';
import { newCaller, refresh, shown } from './caller.ts';
import { freshProvider, SECRET_CREDENTIALS, secretClient } from './provider.ts';

describe('a refresh token at a server that rotates them and detects reuse', () => {
  const provider = freshProvider({
    clients: [
      secretClient('client_secret_basic', {
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: ['https://app.example/callback'],
      }),
    ],
  });
  const oauth = (): { issuer: string; grant: 'refresh_token'; scope: string } => ({
    issuer: provider().issuer,
    grant: 'refresh_token',
    scope: 'offline_access api more-than-was-granted',
  });

  it('is spent once, and its successor after it; the scope is not repeated', async () => {
    const caller = newCaller();
    let refreshToken = await provider().consent('my-app_1');
    for (let i = 0; i < 3; i += 1) {
      const { outcome } = await refresh(oauth(), { ...SECRET_CREDENTIALS, refreshToken }, caller);
      assert.ok(outcome.kind === 'granted');
      assert.notEqual(outcome.grant.refreshSecret, refreshToken);
      assert.deepEqual([outcome.grant.lifetime, outcome.grant.refreshLifetime], [600, undefined]);
      refreshToken = outcome.grant.refreshSecret!;
    }
    assert.deepEqual(provider().outcomes, ['granted', 'granted', 'granted']);
    assert.ok(provider().judged.every(({ params }) => params['scope'] === undefined));
    assert.equal(provider().revoked, 0);
  });

  it('is refused when it is spent a second time', async () => {
    const values = { ...SECRET_CREDENTIALS, refreshToken: await provider().consent('my-app_1') };
    assert.equal(shown(await refresh(oauth(), values)), 'granted');
    assert.equal(shown(await refresh(oauth(), values)), 'refused: status 400, code invalid_grant');
    assert.equal(provider().revoked, 1);
  });

  for (const when of ['before it is looked at', 'after it is carried out'] as const) {
    it(`may be spent when the connection is cut ${when}`, async () => {
      const values = { ...SECRET_CREDENTIALS, refreshToken: await provider().consent('my-app_1') };
      const caller = newCaller();
      await caller.memory.metadata.read(new URL(provider().issuer), caller.send, caller.now);
      provider().cutNext = when;
      const { outcome } = await refresh(oauth(), values, caller);
      assert.ok(outcome.kind === 'failed');
      assert.deepEqual([outcome.reason, outcome.reach, outcome.maybeSpent], ['reset', 'unanswered', true]);
      assert.deepEqual(provider().outcomes, when === 'before it is looked at' ? [] : ['granted']);
    });
  }
});
