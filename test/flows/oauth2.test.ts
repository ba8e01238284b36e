import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { FakeClock } from '../support/clock.ts';
import { startProxy, type RunningProxy } from '../support/proxy.ts';
import { httpServer, type TestServer } from '../support/wire.ts';
import { headerValues, ownCode } from '../support/world.ts';

/** A token endpoint and an API behind it, as small as RFC 6749 allows. */
class TinyProvider {
  readonly grants: Record<string, string>[] = [];
  readonly apiTokens: string[] = [];
  valid = '';
  answer: Record<string, unknown> = {};
  status = 200;
  /** The only way of showing itself that the endpoint takes from a client. */
  takes: 'any' | 'basic' = 'any';
  /** Sent instead, once. */
  page: { status: number; type: string; body: string } | undefined;
  readonly authorizations: (string | undefined)[] = [];
  #made = 0;

  async token(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    assert.equal(request.method, 'POST');
    assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded');
    this.grants.push(Object.fromEntries(new URLSearchParams(await text(request))));
    this.authorizations.push(request.headers.authorization);
    if (this.takes === 'basic' && request.headers.authorization === undefined)
      return { status: 401, body: { error: 'invalid_client' } };
    if (this.status !== 200) return { status: this.status, body: { error: 'invalid_client' } };
    this.#made += 1;
    this.valid = `token-${this.#made}`;
    return { status: 200, body: { access_token: this.valid, token_type: 'Bearer', expires_in: 3_600, ...this.answer } };
  }
}

describe('the oauth2 flow', () => {
  let sandbox: Sandbox;
  let server: TestServer;
  let provider: TinyProvider;
  let proxy: RunningProxy | undefined;
  const clock = new FakeClock();
  before(async () => {
    sandbox = await startSandbox();
    server = await httpServer((request, response) => {
      const respond = (status: number, body: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      };
      if (request.url === '/oauth/token?tenant=a') {
        const { page } = provider;
        provider.page = undefined;
        if (page !== undefined) {
          request.resume();
          response.writeHead(page.status, { 'content-type': page.type }).end(page.body);
          return;
        }
        provider.token(request).then(
          ({ status, body }) => respond(status, body),
          (error: unknown) => respond(500, String(error)),
        );
        return;
      }
      const [token] = headerValues(request.rawHeaders, 'authorization');
      provider.apiTokens.push(token ?? '');
      if (request.url === '/hidden' && token !== `Bearer ${provider.valid}`) {
        respond(200, { success: false, error: { code: 'TOKEN_EXPIRED' } });
        return;
      }
      if (request.url === '/scope') {
        response.writeHead(401, { 'www-authenticate': 'Bearer error="insufficient_scope"' }).end();
        return;
      }
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

  async function start(credentials: Record<string, string>, flows: object = {}): Promise<RunningProxy> {
    proxy = await startProxy(sandbox, {
      surroundings: { clock },
      config: (base) => ({
        ...base,
        flows,
        accounts: {
          api: {
            flow: Object.keys(flows)[0] ?? 'oauth2',
            credentials: { tokenUrl: `${server.url}/oauth/token?tenant=a`, clientId: 'app', ...credentials },
          },
        },
        routes: [{ prefix: '/api', upstream: server.url, account: 'api' }],
      }),
    });
    return proxy;
  }

  it('client credentials: a form without the fields that were not given', async () => {
    const { url } = await start({ clientSecret: 's&e=c r+t', scope: 'read write' });
    assert.equal((await call(url, '/api/x')).status, 200);
    assert.equal((await call(url, '/api/x')).status, 200);
    assert.deepEqual(provider.grants, [
      { grant_type: 'client_credentials', client_id: 'app', client_secret: 's&e=c r+t', scope: 'read write' },
    ]);
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

  it('a wrong client secret: shown once in each way a client may show it, then 503 credential_dead', async () => {
    provider.status = 401;
    const { url } = await start({ clientSecret: 'wrong' });
    for (let i = 0; i < 10; i += 1) assert.equal(ownCode(await call(url, '/api/x')), 'credential_dead');
    assert.deepEqual(
      provider.authorizations.map((value) => value !== undefined),
      [false, true],
    );
  });

  it('a wrong client secret of an account that says which way: one call', async () => {
    provider.status = 401;
    const { url } = await start({ clientSecret: 'wrong', clientAuth: 'post' });
    for (let i = 0; i < 10; i += 1) assert.equal(ownCode(await call(url, '/api/x')), 'credential_dead');
    assert.equal(provider.grants.length, 1);
  });

  it('an endpoint that takes the client by Basic only: found out once, for its refreshes too', async () => {
    provider.takes = 'basic';
    provider.answer = { refresh_token: 'refresh-1' };
    const { url } = await start({ clientSecret: 's:e%c' });
    assert.equal((await call(url, '/api/x')).status, 200);
    provider.valid = 'revoked';
    assert.equal((await call(url, '/api/x')).status, 200);
    const shown = `Basic ${Buffer.from('app:s%3Ae%25c').toString('base64')}`;
    assert.deepEqual(provider.authorizations, [undefined, shown, shown]);
    assert.deepEqual(provider.grants.slice(1), [
      { grant_type: 'client_credentials' },
      { grant_type: 'refresh_token', refresh_token: 'refresh-1' },
    ]);
  });

  for (const [what, page] of [
    ['a block page', { status: 403, type: 'text/html', body: '<html>blocked</html>' }],
    ['an HTML 401', { status: 401, type: 'text/html', body: '<html>log in</html>' }],
    [
      'a throttle',
      {
        status: 400,
        type: 'application/json',
        body: '{"error":"Access Denied","error_description":"You have made too many requests"}',
      },
    ],
    ['temporarily_unavailable', { status: 400, type: 'application/json', body: '{"error":"temporarily_unavailable"}' }],
    ['a proxy that wants to be asked', { status: 407, type: 'text/plain', body: 'Proxy Authentication Required' }],
  ] as const) {
    it(`${what} says nothing about the credential: the account gets over it by itself`, async () => {
      const { url } = await start({ clientSecret: 's' });
      await call(url, '/api/x');
      provider.valid = 'revoked';
      provider.page = page;
      const answers = [await call(url, '/api/x')];
      for (let i = 0; i < 30 && answers.at(-1)!.status !== 200; i += 1) {
        clock.pass(1_000);
        answers.push(await call(url, '/api/x'));
      }
      for (const answer of answers.slice(0, -1)) assert.notEqual(ownCode(answer), 'credential_dead');
      assert.equal(answers.at(-1)!.status, 200);
      assert.equal(provider.grants.length, 2);
    });
  }

  it('a permission that is missing is no dead token: passed on, and nothing renewed', async () => {
    const { url } = await start({ clientSecret: 's' });
    assert.equal((await call(url, '/api/scope')).status, 401);
    assert.equal(provider.grants.length, 1);
  });

  it('an error hidden in a 200 is healed with the two lines of the manual', async () => {
    const { url } = await start(
      { clientSecret: 's' },
      {
        partner: {
          extends: 'oauth2',
          invalid: [{ status: 401 }, { status: 200, body: { '/error/code': 'TOKEN_EXPIRED' } }],
        },
      },
    );
    await call(url, '/api/hidden');
    provider.valid = 'revoked';
    assert.deepEqual((await call(url, '/api/hidden')).json(), {});
    assert.equal(provider.grants.length, 2);
  });

  it('an expiry of 0 means that it is not known: no login by the clock', async () => {
    provider.answer = { expires_in: 0 };
    const { url } = await start({ clientSecret: 's' });
    for (let minute = 0; minute < 60; minute += 1) {
      assert.equal((await call(url, '/api/x')).status, 200);
      clock.pass(60_000);
    }
    assert.equal(provider.grants.length, 1);
  });

  it('an answer that says success with an error in it is no grant', async () => {
    provider.answer = { access_token: undefined, error: 'temporarily_unavailable' };
    const { url } = await start({ clientSecret: 's' });
    assert.notEqual(ownCode(await call(url, '/api/x')), 'credential_dead');
    assert.deepEqual(provider.apiTokens, []);
  });
});
