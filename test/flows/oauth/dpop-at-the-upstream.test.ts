import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { DpopNonces, dpopSigner } from '../../../src/flows/oauth/dpop.ts';
import { challengeOf } from '../../../src/flows/oauth/www-authenticate.ts';
import { refresh, shown } from './caller.ts';
import { freshProvider, SECRET_CREDENTIALS, secretClient } from './provider.ts';

describe('a request with a token bound to a key, at a real server that demands its nonce', () => {
  const provider = freshProvider({
    clients: [
      secretClient('client_secret_basic', {
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: ['https://app.example/callback'],
      }),
    ],
    features: { dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true } },
  });

  /** A token whose owner the server's userinfo endpoint tells. */
  async function obtained(): Promise<{ token: string; dpopKey: string }> {
    const refreshToken = await provider().consent('my-app_1', { scope: 'openid offline_access' });
    const oauth = { issuer: provider().issuer, grant: 'refresh_token', dpop: true } as const;
    const result = await refresh(oauth, { ...SECRET_CREDENTIALS, refreshToken });
    assert.equal(shown(result), 'granted');
    assert.ok(result.outcome.kind === 'granted');
    return { token: result.outcome.grant.secret, dpopKey: result.dpopKey! };
  }

  it('is accepted with a proof that has the nonce, and once with each proof', async () => {
    const { token, dpopKey } = await obtained();
    const nonces = new DpopNonces();
    const sign = dpopSigner(token, dpopKey, nonces);
    const origin = provider().issuer;
    const signed = (): string[] => [
      ...sign({ method: 'GET', origin, target: '/me?a=b', headers: [], body: undefined, now: Date.now() }).headers,
    ];
    const ask = async (fields: string[]): Promise<Response> => {
      const headers = new Headers();
      for (let i = 0; i < fields.length; i += 2) headers.set(fields[i]!, fields[i + 1]!);
      return fetch(`${origin}/me?a=b`, { headers });
    };
    const first = await ask(signed());
    assert.equal(challengeOf(first.status, first.headers.get('www-authenticate') ?? undefined), 'use_dpop_nonce');
    assert.ok(nonces.note(origin, Object.fromEntries(first.headers)) !== undefined);
    for (let i = 0; i < 2; i += 1) {
      const response = await ask(signed());
      assert.deepEqual([response.status, await response.json()], [200, { sub: 'somebody' }]);
    }
    const proof = signed();
    assert.equal((await ask(proof)).status, 200);
    const again = await ask(proof);
    assert.deepEqual(
      [again.status, challengeOf(again.status, again.headers.get('www-authenticate')!)],
      [401, 'invalid_token'],
    );
  });

  it('is refused with a proof of another key', async () => {
    const { token } = await obtained();
    const other = await obtained();
    const origin = provider().issuer;
    const request = { method: 'GET', origin, target: '/me', headers: [], body: undefined, now: Date.now() };
    const ask = async (nonces: DpopNonces): Promise<Response> => {
      const [, authorization, , dpop] = dpopSigner(token, other.dpopKey, nonces)(request).headers;
      return fetch(`${origin}/me`, { headers: { authorization: authorization!, dpop: dpop! } });
    };
    const nonces = new DpopNonces();
    nonces.note(origin, Object.fromEntries((await ask(nonces)).headers));
    const response = await ask(nonces);
    assert.deepEqual(
      [response.status, challengeOf(response.status, response.headers.get('www-authenticate')!)],
      [401, 'invalid_token'],
    );
  });
});
