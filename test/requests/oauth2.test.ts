import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { startProxy, type RunningProxy } from '../support/proxy.ts';
import { httpServer, type OwnServer } from '../support/wire.ts';
import { headerValues, ownCode } from '../support/world.ts';

/** A token endpoint and an API behind it, as small as RFC 6749 allows. */
class TinyProvider {
  readonly grants: Record<string, string>[] = [];
  readonly apiTokens: string[] = [];
  valid = '';
  answer: Record<string, unknown> = {};
  status = 200;
  #made = 0;

  async token(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    assert.equal(request.method, 'POST');
    assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded');
    this.grants.push(Object.fromEntries(new URLSearchParams(await text(request))));
    if (this.status !== 200) return { status: this.status, body: { error: 'invalid_client' } };
    this.#made += 1;
    this.valid = `token-${this.#made}`;
    return { status: 200, body: { access_token: this.valid, token_type: 'Bearer', expires_in: 3_600, ...this.answer } };
  }
}

describe('the oauth2 flow', () => {
  let sandbox: Sandbox;
  let server: OwnServer;
  let provider: TinyProvider;
  let proxy: RunningProxy | undefined;
  before(async () => {
    sandbox = await startSandbox();
    server = await httpServer((request, response) => {
      const respond = (status: number, body: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      };
      if (request.url === '/oauth/token?tenant=a') {
        provider.token(request).then(({ status, body }) => respond(status, body), (error: unknown) => respond(500, String(error)));
        return;
      }
      const [token] = headerValues(request.rawHeaders, 'authorization');
      provider.apiTokens.push(token ?? '');
      respond(token === `Bearer ${provider.valid}` ? 200 : 401, {});
    });
  });
  after(async () => {
    await server.close();
    await sandbox.close();
  });
  beforeEach(() => {
    provider = new TinyProvider();
  });
  afterEach(async () => {
    await proxy?.stop();
    proxy = undefined;
  });

  async function start(credentials: Record<string, string>): Promise<RunningProxy> {
    proxy = await startProxy(sandbox, {
      config: (base) => ({
        ...base,
        accounts: { api: { flow: 'oauth2', credentials: { tokenUrl: `${server.url}/oauth/token?tenant=a`, clientId: 'app', ...credentials } } },
        routes: [{ prefix: '/api', upstream: server.url, account: 'api' }],
      }),
    });
    return proxy;
  }

  it('client credentials: a form without the fields that were not given', async () => {
    const { url } = await start({ clientSecret: 's&e=c r+t', scope: 'read write' });
    assert.equal((await call(url, '/api/x')).status, 200);
    assert.equal((await call(url, '/api/x')).status, 200);
    assert.deepEqual(provider.grants, [{ grant_type: 'client_credentials', client_id: 'app', client_secret: 's&e=c r+t', scope: 'read write' }]);
    assert.deepEqual(provider.apiTokens, ['Bearer token-1', 'Bearer token-1']);
  });

  it('password grant, then the refresh token it brought', async () => {
    provider.answer = { refresh_token: 'refresh-1' };
    const { url } = await start({ grantType: 'password', username: 'ü', password: 'p' });
    await call(url, '/api/x');
    provider.valid = 'revoked';
    provider.answer = {};
    assert.equal((await call(url, '/api/x')).status, 200);
    provider.valid = 'revoked again';
    assert.equal((await call(url, '/api/x')).status, 200);
    assert.deepEqual(provider.grants, [
      { grant_type: 'password', client_id: 'app', username: 'ü', password: 'p' },
      { grant_type: 'refresh_token', client_id: 'app', refresh_token: 'refresh-1' },
      // RFC 6749 §6: the answer had none, so the first one stays.
      { grant_type: 'refresh_token', client_id: 'app', refresh_token: 'refresh-1' },
    ]);
  });

  it('a 401 of the API without a refresh token: asks for a new one, and replays once', async () => {
    const { url } = await start({ clientSecret: 's' });
    await call(url, '/api/x');
    provider.valid = 'revoked';
    assert.equal((await call(url, '/api/x', { method: 'POST', body: '{}' })).status, 200);
    assert.equal(provider.grants.length, 2);
    assert.deepEqual(provider.apiTokens, ['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
  });

  it('a wrong client secret: one call, then 503 credential_dead', async () => {
    provider.status = 401;
    const { url } = await start({ clientSecret: 'wrong' });
    for (let i = 0; i < 10; i += 1) assert.equal(ownCode(await call(url, '/api/x')), 'credential_dead');
    assert.equal(provider.grants.length, 1);
  });

  it('an answer that says success with an error in it is no grant', async () => {
    provider.answer = { access_token: undefined, error: 'temporarily_unavailable' };
    const { url } = await start({ clientSecret: 's' });
    assert.equal(ownCode(await call(url, '/api/x')), 'token_endpoint_failed');
    assert.deepEqual(provider.apiTokens, []);
  });
});
