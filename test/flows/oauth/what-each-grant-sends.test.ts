import assert from 'node:assert/strict';
import type { OauthInput } from '../../../src/flows/oauth/schema.ts';
import { login, refresh, shown } from './caller.ts';
import { freshEndpoint } from './endpoint.ts';

const CLIENT = { clientId: 'app', clientSecret: 'secret' };
const AS_CLIENT = { client_id: 'app', client_secret: 'secret' };
const TYPE = 'urn:ietf:params:oauth:token-type';

describe('the form of a token request', () => {
  const endpoint = freshEndpoint();
  const sent = async (
    oauth: Partial<OauthInput>,
    values: Record<string, unknown> = CLIENT,
    kind = login,
  ): Promise<Record<string, string>> => {
    assert.equal(shown(await kind({ tokenUrl: `${endpoint().url}/token`, ...oauth }, values)), 'granted');
    assert.equal(endpoint().seen.length, 1);
    return Object.fromEntries(endpoint().seen[0]!.form);
  };

  it('of client credentials', async () =>
    assert.deepEqual(
      await sent(
        { scope: 'a b', audience: '{audience?}', extra: { account: '{account}', no: '{no?}' } },
        { ...CLIENT, account: 'x&y', audience: 'api' },
      ),
      {
        ...AS_CLIENT,
        grant_type: 'client_credentials',
        scope: 'a b',
        audience: 'api',
        account: 'x&y',
      },
    ));

  it('of a password', async () =>
    assert.deepEqual(await sent({ grant: 'password' }, { ...CLIENT, username: 'me', password: 'pä=&' }), {
      ...AS_CLIENT,
      grant_type: 'password',
      username: 'me',
      password: 'pä=&',
    }));

  it('of a password, by no client', async () =>
    assert.deepEqual(await sent({ grant: 'password' }, { username: 'me', password: 'p' }), {
      grant_type: 'password',
      username: 'me',
      password: 'p',
    }));

  it('of an assertion (RFC 7523), which may be the only credential', async () =>
    assert.deepEqual(await sent({ grant: 'jwt_bearer', scope: 's' }, { assertion: 'a.b.c' }), {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: 'a.b.c',
      scope: 's',
    }));

  it('of an exchanged token (RFC 8693)', async () =>
    assert.deepEqual(await sent({ grant: 'token_exchange', subjectToken: '{theirs}' }, { ...CLIENT, theirs: 't' }), {
      ...AS_CLIENT,
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 't',
      subject_token_type: `${TYPE}:access_token`,
    }));

  it('of a token exchanged on behalf of another', async () =>
    assert.deepEqual(
      await sent(
        {
          grant: 'token_exchange',
          subjectTokenType: 'id_token',
          actorToken: '{mine}',
          actorTokenType: 'urn:acme:key',
          requestedTokenType: 'jwt',
        },
        { ...CLIENT, subjectToken: 't', mine: 'm' },
      ),
      {
        ...AS_CLIENT,
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: 't',
        subject_token_type: `${TYPE}:id_token`,
        actor_token: 'm',
        actor_token_type: 'urn:acme:key',
        requested_token_type: `${TYPE}:jwt`,
      },
    ));

  it('of a refresh: without scope and audience, with everything extra', async () =>
    assert.deepEqual(
      await sent(
        { scope: 'a b', audience: 'api', extra: { redirect_uri: 'https://app' } },
        { ...CLIENT, refreshToken: 'r+/=' },
        refresh,
      ),
      { ...AS_CLIENT, grant_type: 'refresh_token', refresh_token: 'r+/=', redirect_uri: 'https://app' },
    ));

  it('of a login with a refresh token that never changes', async () =>
    assert.deepEqual(await sent({ grant: 'refresh_token' }, { ...CLIENT, refreshToken: 'r' }), {
      ...AS_CLIENT,
      grant_type: 'refresh_token',
      refresh_token: 'r',
    }));

  it('names several APIs one by one, at a refresh too', async () => {
    for (const kind of [login, refresh]) {
      endpoint().seen.length = 0;
      await sent(
        { resource: ['https://a.{zone}', '{b?}', 'https://c'] },
        { ...CLIENT, refreshToken: 'r', zone: 'z' },
        kind,
      );
      assert.deepEqual(endpoint().seen[0]!.form.getAll('resource'), ['https://a.z', 'https://c']);
    }
  });

  it('has the header section of any call', async () => {
    await sent({});
    const { headers } = endpoint().seen[0]!;
    assert.deepEqual(
      [headers.accept, headers['content-type'], headers['user-agent'], headers['authorization']],
      ['application/json', 'application/x-www-form-urlencoded', 'tokenward', undefined],
    );
  });

  it('goes to a URL that is made of values', async () => {
    const tokenUrl = endpoint().url.replace('127.0.0.1', '127.0.0.{last=1}') + '/{tenant}/token?v=2';
    assert.equal(shown(await login({ tokenUrl }, { ...CLIENT, tenant: 'a/b' })), 'granted');
    assert.equal(endpoint().seen[0]!.path, '/a%2Fb/token?v=2');
  });

  for (const [what, oauth, values, reason] of [
    ['the client', {}, {}, 'no value for {clientId}'],
    ['the assertion', { grant: 'jwt_bearer' }, {}, 'no value for {assertion}'],
    ['the password', { grant: 'password' }, { username: 'u' }, 'no value for {password}'],
    ['the secret', { clientAuth: 'basic' }, { clientId: 'c' }, 'no value for clientSecret'],
    [
      'the name beside a secret',
      { grant: 'jwt_bearer' },
      { assertion: 'a', clientSecret: 's' },
      'no value for clientId',
    ],
    [
      'a way to authenticate',
      { clientAuth: '{way}' },
      { clientId: 'c', way: 'digest' },
      'a client authenticates by one of auto, post, basic, private_key_jwt, client_secret_jwt, tls, none',
    ],
    [
      'a URL',
      { tokenUrl: '{url}' },
      { clientId: 'c', url: 'ftp://x' },
      'tokenUrl with the configured values is not an http:// or https:// URL',
    ],
    [
      'a URL without a password',
      { tokenUrl: 'https://a:canary@x' },
      { clientId: 'c' },
      'tokenUrl with the configured values is not an http:// or https:// URL',
    ],
  ] as const) {
    it(`is not sent without ${what}`, async () => {
      const result = await login({ tokenUrl: `${endpoint().url}/token`, ...oauth }, values);
      assert.deepEqual(result.outcome, { kind: 'impossible', reason });
      assert.equal(endpoint().seen.length, 0);
    });
  }
});
