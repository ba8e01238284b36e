import assert from 'node:assert/strict';
import { METADATA_MS, METADATA_RETRY_MS } from '../../../src/flows/oauth/metadata.ts';
import type { OauthCaller } from '../../../src/flows/oauth/run-oauth.ts';
import { FakeClock } from '../../support/clock.ts';
import { login, newCaller, shown } from './caller.ts';
import { freshEndpoint, GRANT, type Reply } from './endpoint.ts';

const CLIENT = { clientId: 'c' };
const OIDC = 'GET /.well-known/openid-configuration';
const OAUTH = 'GET /.well-known/oauth-authorization-server';

describe("an authorization server's metadata", () => {
  const endpoint = freshEndpoint();
  let clock: FakeClock;
  let caller: OauthCaller;
  let replies: Record<string, Reply>;
  beforeEach(() => {
    clock = new FakeClock();
    caller = newCaller({ now: () => clock.wall() });
    const { url } = endpoint();
    replies = { [OIDC]: { body: { issuer: url, token_endpoint: `${url}/token` } } };
    endpoint().answer = ({ method, path }) =>
      replies[`${method} ${path}`] ?? (method === 'POST' ? GRANT : { status: 404, body: 'nothing here' });
  });
  const call = async (path = ''): Promise<string> =>
    shown(await login({ issuer: endpoint().url + path }, CLIENT, caller));
  const seen = (): string[] => endpoint().seen.map(({ method, path }) => `${method} ${path}`);

  it('is read once an hour', async () => {
    for (let i = 0; i < 3; i += 1) assert.equal(await call(), 'granted');
    assert.deepEqual(seen(), [OIDC, 'POST /token', 'POST /token', 'POST /token']);
    clock.pass(METADATA_MS);
    await call();
    assert.deepEqual(seen().slice(4), [OIDC, 'POST /token']);
  });

  it('is read once by all who need it at once', async () => {
    await Promise.all([call(), call(), call()]);
    assert.deepEqual(
      seen().filter((line) => line === OIDC),
      [OIDC],
    );
  });

  it('is read again after the clock was set back', async () => {
    await call();
    clock.jump(-60_000);
    await call();
    assert.equal(seen().filter((line) => line === OIDC).length, 2);
  });

  it('may be found where RFC 8414 says', async () => {
    replies = { [OAUTH]: replies[OIDC]! };
    assert.equal(await call(), 'granted');
    assert.deepEqual(seen(), [OIDC, OAUTH, 'POST /token']);
  });

  it('of an issuer with a path stands behind it, or before it', async () => {
    const { url } = endpoint();
    replies = {
      'GET /.well-known/oauth-authorization-server/realm': {
        body: { issuer: `${url}/realm`, token_endpoint: `${url}/realm/token` },
      },
    };
    assert.equal(await call('/realm'), 'granted');
    assert.deepEqual(seen(), [
      'GET /realm/.well-known/openid-configuration',
      'GET /.well-known/oauth-authorization-server/realm',
      'POST /realm/token',
    ]);
  });

  it('stays in use while the server does not give it, and is asked for again soon', async () => {
    await call();
    clock.pass(METADATA_MS);
    replies = { [OIDC]: { status: 503, body: '' } };
    endpoint().seen.length = 0;
    for (let i = 0; i < 3; i += 1) assert.equal(await call(), 'granted');
    assert.deepEqual(seen(), [OIDC, 'POST /token', 'POST /token', 'POST /token']);
    clock.pass(METADATA_RETRY_MS);
    await call();
    assert.equal(seen().filter((line) => line === OIDC).length, 2);
  });

  for (const [what, reply, reason] of [
    [
      'is of another issuer',
      { body: { issuer: 'https://evil.example', token_endpoint: 'https://evil.example/token' } },
      'malformed, unsent): the metadata of HOST: it is of another issuer than the configured one',
    ],
    [
      'has no issuer',
      { body: { token_endpoint: 'https://x/token' } },
      'malformed, unsent): the metadata of HOST: it is of another issuer than the configured one',
    ],
    [
      'has no token endpoint',
      { body: { issuer: 'URL' } },
      'malformed, unsent): the metadata of HOST: it names no token_endpoint',
    ],
    [
      'names an endpoint that is no URL',
      { body: { issuer: 'URL', token_endpoint: 'canary' } },
      'malformed, unsent): the metadata of HOST: it names an endpoint that is not an https:// URL',
    ],
    [
      'names an endpoint of another protocol',
      { body: { issuer: 'URL', token_endpoint: 'https://x', device_authorization_endpoint: 'file:///x' } },
      'malformed, unsent): the metadata of HOST: it names an endpoint that is not an https:// URL',
    ],
    [
      'names an endpoint that is not text',
      { body: { issuer: 'URL', token_endpoint: ['https://x'] } },
      'malformed, unsent): the metadata of HOST: it names an endpoint that is not an https:// URL',
    ],
    [
      'has aliases that are none',
      { body: { issuer: 'URL', token_endpoint: 'https://x', mtls_endpoint_aliases: 'x' } },
      'malformed, unsent): the metadata of HOST: mtls_endpoint_aliases is not an object',
    ],
    [
      'is a page',
      { body: '<html>', headers: { 'content-type': 'text/html' } },
      'malformed, unsent): the metadata of HOST: HOST answered 200 text/html',
    ],
    [
      'is elsewhere',
      { status: 302, headers: { location: 'https://x' }, body: '' },
      'redirect, unsent): the metadata of HOST: HOST answered 302',
    ],
    ['is not there', { status: 404, body: '' }, 'status_4xx, unsent): the metadata of HOST: HOST answered 404'],
    ['cannot be read now', { status: 503, body: '' }, 'status_5xx, unsent): the metadata of HOST: HOST answered 503'],
    [
      'is too large',
      { body: { padding: 'x'.repeat(1024 * 1024) } },
      'too_large, unsent): the metadata of HOST: HOST: a response of more than 1 MiB',
    ],
  ] as const) {
    it(`that ${what} is a failure, nothing is sent to a token endpoint, and it is not asked for at once again`, async () => {
      const { url, host } = endpoint();
      const body: unknown = reply.body;
      replies = {
        [OIDC]: {
          ...reply,
          body: typeof body === 'object' ? JSON.parse(JSON.stringify(body).replace('"URL"', `"${url}"`)) : body,
        },
      };
      for (let i = 0; i < 2; i += 1) assert.equal(await call(), `failed (${reason.replaceAll('HOST', host)}`);
      assert.equal(seen().filter((line) => line === OIDC).length, 1);
      assert.ok(!seen().some((line) => line.startsWith('POST')));
      clock.pass(METADATA_RETRY_MS);
      replies = { [OIDC]: { body: { issuer: url, token_endpoint: `${url}/token` } } };
      assert.equal(await call(), 'granted');
    });
  }
});
