import assert from 'node:assert/strict';
import { connectByCode, type BrowserConsent } from '../../../src/flows/oauth/connect.ts';
import type { OauthResult } from '../../../src/flows/oauth/run-oauth.ts';
import { oauthSchema, type OauthInput } from '../../../src/flows/oauth/schema.ts';
import { listenForCallback } from '../../../src/http/server/callback.ts';
import { newCaller, refresh, shown } from './caller.ts';
import { Person } from './person.ts';
import { freshProvider, SECRET_CREDENTIALS, secretClient } from './provider.ts';

describe('a consent in a browser at a real authorization server', () => {
  const provider = freshProvider({
    clients: [
      secretClient('client_secret_basic', {
        application_type: 'native',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/back', 'com.example.app:/callback'],
      }),
      {
        client_id: 'public',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1/callback'],
      },
    ],
    features: { dPoP: { enabled: true } },
  });

  const connect = async (
    oauth: Partial<OauthInput> = {},
    values: Record<string, unknown> = SECRET_CREDENTIALS,
    more: Partial<BrowserConsent> = {},
  ): Promise<{ result: OauthResult; asked: URL; page: string | undefined }> => {
    const { issuer } = provider();
    let asked: URL | undefined;
    let page: Promise<string> | undefined;
    const parsed = oauthSchema.parse({ issuer, grant: 'refresh_token', scope: 'openid offline_access', ...oauth });
    const result = await connectByCode(parsed, values, newCaller(), {
      listen: listenForCallback,
      signal: new AbortController().signal,
      onUrl: (url) => {
        asked = new URL(url);
        // Some servers give a refresh token only if they are asked to ask.
        page = new Person().consent(`${url}&prompt=consent`, issuer).then(async (back) => (await fetch(back)).text());
        page.catch(() => undefined);
      },
      ...more,
    });
    return { result, asked: asked!, page: await page?.catch(() => undefined) };
  };

  it('brings a token and a refresh token, which is good for the next one', async () => {
    const { result, asked, page } = await connect();
    assert.equal(shown(result), 'granted');
    assert.ok(result.outcome.kind === 'granted');
    const refreshToken = result.outcome.grant.refreshSecret;
    assert.match(page!, /^tokenward has received the response/);
    assert.deepEqual(
      ['response_type', 'code_challenge_method', 'scope', 'client_id'].map((name) => asked.searchParams.get(name)),
      ['code', 'S256', 'openid offline_access', 'my-app_1'],
    );
    assert.match(asked.searchParams.get('redirect_uri')!, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    const oauth = { issuer: provider().issuer, grant: 'refresh_token' } as const;
    assert.equal(shown(await refresh(oauth, { ...SECRET_CREDENTIALS, refreshToken })), 'granted');
    assert.deepEqual(provider().outcomes, ['granted', 'granted']);
  });

  it('of a client without a secret is protected by PKCE alone', async () => {
    const { result } = await connect({}, { clientId: 'public' });
    assert.equal(shown(result), 'granted');
    assert.match(provider().judged[0]!.params['code_verifier']!, /^[\w-]{43}$/);
  });

  it('comes back to a registered URI on this machine', async () => {
    const { result, asked } = await connect(
      { redirectUri: 'http://localhost:{port}/back' },
      { ...SECRET_CREDENTIALS, port: await freePort() },
    );
    assert.equal(shown(result), 'granted');
    assert.match(asked.searchParams.get('redirect_uri')!, /^http:\/\/localhost:\d+\/back$/);
  });

  it('comes back to a configured port', async () => {
    const redirectPort = await freePort();
    const { result, asked } = await connect({ redirectPort });
    assert.equal(shown(result), 'granted');
    assert.equal(asked.searchParams.get('redirect_uri'), `http://127.0.0.1:${redirectPort}/callback`);
  });

  it('is pasted by hand, where it comes back elsewhere', async () => {
    let back!: Promise<string>;
    const { result } = await connect({ redirectUri: 'com.example.app:/callback' }, SECRET_CREDENTIALS, {
      onUrl: (url) => {
        back = new Person().consent(`${url}&prompt=consent`, provider().issuer);
      },
      paste: async () => `  ${await back}\n`,
    });
    assert.equal(shown(result), 'granted');
  });

  it('binds code and tokens to a key', async () => {
    const { result, asked } = await connect({ dpop: true }, { clientId: 'public' });
    assert.equal(shown(result), 'granted');
    assert.match(asked.searchParams.get('dpop_jkt')!, /^[\w-]{43}$/);
    assert.equal((result.response!.json as Record<string, unknown>)['token_type'], 'DPoP');
    assert.ok(result.outcome.kind === 'granted');
    const values = { clientId: 'public', refreshToken: result.outcome.grant.refreshSecret, dpopKey: result.dpopKey };
    assert.equal(shown(await refresh({ issuer: provider().issuer, dpop: true }, values)), 'granted');
  });
});

async function freePort(): Promise<number> {
  const listener = await listenForCallback({ port: 0, path: '/', hosts: [], accept: () => false });
  await listener.close();
  return listener.port;
}
