import assert from 'node:assert/strict';
import type { OauthCaller } from '../../../src/flows/oauth/run-oauth.ts';
import { login, newCaller, refresh, shown } from './caller.ts';
import { freshEndpoint, GRANT, no, type Reply, type SeenRequest } from './endpoint.ts';

const CLIENT = { clientId: 'my app-1_x.y', clientSecret: 's:e%c', refreshToken: 'r' };

/** How a request shows the client. */
function way({ headers, form }: SeenRequest): string {
  if (form.has('client_assertion')) return 'jwt';
  const header = headers.authorization !== undefined;
  return form.has('client_secret') ? (header ? 'both' : 'post') : header ? 'basic' : 'none';
}

describe('an OAuth 2.0 client that may show itself in any way', () => {
  const endpoint = freshEndpoint();
  let caller: OauthCaller;
  let takes: string;
  let then: Reply;
  let metadata: Record<string, unknown>;
  beforeEach(() => {
    [caller, takes, then, metadata] = [newCaller(), 'basic', GRANT, {}];
    endpoint().answer = (request) => {
      const { url } = endpoint();
      if (request.path.startsWith('/.well-known/'))
        return { body: { issuer: url, token_endpoint: `${url}/token`, ...metadata } };
      return way(request) === takes ? then : no('invalid_client', 401, { 'www-authenticate': 'Basic realm="x"' });
    };
  });
  const call = async (kind = login, values: Record<string, unknown> = {}): Promise<string> =>
    shown(await kind({ tokenUrl: `${endpoint().url}/token` }, { ...CLIENT, ...values }, caller));
  const discovered = async (): Promise<string> => shown(await login({ issuer: endpoint().url }, CLIENT, caller));
  const ways = (): string[] =>
    endpoint()
      .seen.filter(({ path }) => path === '/token')
      .map(way);

  for (const [name, kind] of [
    ['login', login],
    ['refresh', refresh],
  ] as const) {
    it(`${name}: is shown in the form first, and by Basic if the endpoint does not know it; what worked is remembered`, async () => {
      for (let i = 0; i < 3; i += 1) assert.equal(await call(kind), 'granted');
      assert.deepEqual(ways(), ['post', 'basic', 'basic', 'basic']);
    });
  }

  it('is shown once, where the form works', async () => {
    takes = 'post';
    await call();
    assert.deepEqual(ways(), ['post']);
  });

  it('with a wrong secret is shown in each way once, and then only in the way that worked before', async () => {
    takes = 'neither';
    assert.equal(await call(refresh), 'refused: status 401, code invalid_client');
    assert.deepEqual(ways(), ['post', 'basic']);
    takes = 'post';
    await call(refresh);
    takes = 'neither';
    await call(refresh);
    assert.deepEqual(ways().slice(2), ['post', 'post']);
  });

  it('is not shown again after a refusal of the grant: the refresh token may be spent', async () => {
    takes = 'post';
    for (const error of ['invalid_grant', 'unauthorized_client', 'invalid_request', 'invalid_scope']) {
      then = no(error);
      assert.equal(await call(refresh), `refused: status 400, code ${error}`);
    }
    assert.deepEqual(ways(), ['post', 'post', 'post', 'post']);
  });

  for (const [what, reply] of [
    ['a block page', { status: 401, body: '<html>' }],
    ['invalid_client in a 200', { status: 200, body: { error: 'invalid_client' } }],
    ['a 429', no('invalid_client', 429)],
    ['a 500', no('invalid_client', 500)],
  ] as const) {
    it(`is not shown again after ${what}`, async () => {
      takes = 'post';
      then = reply;
      await call(refresh);
      assert.deepEqual(ways(), ['post']);
    });
  }

  it('by Basic: a refusal of the grant counts, and proves the way', async () => {
    then = no('invalid_grant');
    assert.equal(await call(refresh), 'refused: status 400, code invalid_grant');
    await call(refresh);
    assert.deepEqual(ways(), ['post', 'basic', 'basic']);
  });

  it('by Basic has its name and secret form-encoded, without harm to the usual characters of names', async () => {
    await call();
    assert.equal(
      endpoint().seen.at(-1)!.headers.authorization,
      `Basic ${Buffer.from('my+app-1_x.y:s%3Ae%25c').toString('base64')}`,
    );
    assert.deepEqual([...endpoint().seen.at(-1)!.form], [['grant_type', 'client_credentials']]);
  });

  it('without a secret is shown by its name', async () => {
    takes = 'none';
    assert.equal(await call(login, { clientSecret: '' }), 'granted');
    assert.deepEqual([...endpoint().seen[0]!.form.keys()].sort(), ['client_id', 'grant_type']);
  });

  it('is shown in no other way than the flow says', async () => {
    const oauth = { tokenUrl: `${endpoint().url}/token`, clientAuth: '{way}' };
    for (const one of ['post', 'none', 'client_secret_jwt', 'basic'])
      await login(oauth, { ...CLIENT, way: one }, caller);
    assert.deepEqual(ways(), ['post', 'none', 'jwt', 'basic']);
  });

  for (const [supported, tried] of [
    [['client_secret_basic', 'client_secret_post'], ['basic']],
    [
      ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
      ['post', 'basic'],
    ],
    [['private_key_jwt', 'client_secret_basic'], ['basic']],
    [['client_secret_post'], ['post']],
    [['client_secret_jwt', 'private_key_jwt'], ['jwt']],
    [['client_secret_jwt', 'client_secret_basic'], ['basic']],
    [['private_key_jwt'], ['post', 'basic']],
    ['client_secret_post', ['post', 'basic']],
    [undefined, ['post', 'basic']],
  ] as const) {
    it(`is shown by ${tried.join(', then ')} where the metadata says ${JSON.stringify(supported)}`, async () => {
      metadata = { token_endpoint_auth_methods_supported: supported };
      await discovered();
      assert.deepEqual(ways(), tried);
    });
  }

  it('has learnt nothing for other clients', async () => {
    await call();
    await call(login, { clientId: 'another' });
    assert.deepEqual(ways(), ['post', 'basic', 'post', 'basic']);
  });
});
