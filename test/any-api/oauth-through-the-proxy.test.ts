import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';
import { freshProvider, SECRET_CREDENTIALS, secretClient } from '../flows/oauth/provider.ts';

describe('an account of a real authorization server', () => {
  const close = closing();
  const provider = freshProvider({
    clients: [secretClient('client_secret_basic')],
    features: { dPoP: { enabled: true } },
  });

  async function start(oauth: object, api: Parameters<typeof recordingServer>[0]) {
    const server = await close(recordingServer(api));
    const flow = {
      credentials: { clientId: 'required', clientSecret: 'required' },
      oauth: { issuer: provider().issuer, ...oauth },
    };
    const proxy = await close(
      startCustomProxy({
        flows: { own: flow },
        accounts: { a: { flow: 'own', credentials: SECRET_CREDENTIALS } },
        routes: [{ prefix: '/a', upstream: server.url, account: 'a' }],
      }),
    );
    return { server, proxy };
  }

  it('gets its token by the metadata, and a dead one is renewed once for all', async () => {
    let dead = '';
    const { server, proxy } = await start({ scope: 'api' }, ({ headers }) =>
      headers.authorization === dead
        ? { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
        : {},
    );
    assert.equal((await call(proxy.url, '/a/x')).status, 200);
    dead = server.seen[0]!.headers.authorization!;
    const replies = await Promise.all(Array.from({ length: 30 }, () => call(proxy.url, '/a/x')));
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
    assert.deepEqual(provider().outcomes, ['granted', 'granted']);
  });

  it('keeps its token when only a scope is missing', async () => {
    const { proxy } = await start({ scope: 'api' }, () => ({
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
    }));
    for (let i = 0; i < 3; i += 1) assert.equal((await call(proxy.url, '/a/x')).status, 401);
    assert.deepEqual(provider().outcomes, ['granted']);
  });

  it('proves with each request that it has the key of its token, with the nonce that the API wants', async () => {
    const claimsOf = (proof: string): Record<string, unknown> =>
      JSON.parse(Buffer.from(proof.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
    const { server, proxy } = await start({ scope: 'api', dpop: true }, ({ headers }) =>
      claimsOf(String(headers['dpop']))['nonce'] === 'nonce-1'
        ? {}
        : {
            status: 401,
            headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'nonce-1' },
          },
    );
    assert.equal((await call(proxy.url, '/a/x?y=1')).status, 200);
    assert.equal((await call(proxy.url, '/a/z', { headers: { dpop: 'mine' } })).status, 200);
    assert.equal(server.seen.length, 3);
    const claims = server.seen.map(({ headers }) => claimsOf(String(headers['dpop'])));
    assert.deepEqual(
      claims.map(({ htm, htu }) => `${String(htm)} ${String(htu)}`),
      ['/x', '/x', '/z'].map((path) => `GET ${server.url}${path}`),
    );
    assert.equal(new Set(claims.map(({ jti }) => jti)).size, 3);
    assert.ok(server.seen.every(({ headers }) => headers.authorization?.startsWith('DPoP ')));
    assert.deepEqual(provider().outcomes, ['granted']);
  });

  it('knows the nonce also with the next token: the client never sees that one was wanted', async () => {
    const claimsOf = (proof: string): Record<string, unknown> =>
      JSON.parse(Buffer.from(proof.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
    let dead = '';
    const { server, proxy } = await start({ scope: 'api', dpop: true }, ({ headers }) =>
      headers.authorization === dead
        ? { status: 401, headers: { 'www-authenticate': 'DPoP error="invalid_token"' } }
        : claimsOf(String(headers['dpop']))['nonce'] === 'nonce-1'
          ? {}
          : { status: 401, headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'nonce-1' } },
    );
    assert.equal((await call(proxy.url, '/a/x')).status, 200);
    dead = server.seen.at(-1)!.headers.authorization!;
    assert.equal((await call(proxy.url, '/a/x')).status, 200);
    assert.equal(server.seen.length, 4);
    assert.deepEqual(provider().outcomes, ['granted', 'granted']);
  });
});
