import assert from 'node:assert/strict';
import { login, refresh, shown } from './caller.ts';
import { freshEndpoint, type Reply } from './endpoint.ts';

const CLIENT = { clientId: 'app', clientSecret: 'secret', refreshToken: 'canary-refresh' };
const BLOCKED = { headers: { 'content-type': 'text/html' }, body: '<html>Blocked. Support ID: 1</html>' };
const token = (more: Record<string, unknown>): Reply => ({
  body: { access_token: 'abc', token_type: 'Bearer', ...more },
});

describe('an answer of an OAuth 2.0 endpoint that decides nothing', () => {
  const endpoint = freshEndpoint();

  for (const [what, reply, expected] of [
    [
      'a block page with 403',
      { status: 403, ...BLOCKED },
      'failed (status_4xx, answered): HOST answered 403 text/html',
    ],
    [
      'a block page with 401',
      { status: 401, ...BLOCKED },
      'failed (status_4xx, answered): HOST answered 401 text/html',
    ],
    [
      'a block page with 200',
      BLOCKED,
      'failed (malformed, answered, maybe spent): no access_token: HOST answered 200 text/html that is not JSON',
    ],
    ['a 404', { status: 404, body: { message: 'no' } }, 'failed (status_4xx, answered): HOST answered 404'],
    [
      'a 500',
      { status: 500, body: { error: 'invalid_grant' } },
      'failed (status_5xx, answered): HOST answered 500, code invalid_grant',
    ],
    ['a 502', { status: 502, body: 'x' }, 'failed (status_5xx, answered, maybe spent): HOST answered 502'],
    ['a 504', { status: 504, body: 'x' }, 'failed (status_5xx, answered, maybe spent): HOST answered 504'],
    [
      'a redirect',
      { status: 302, headers: { location: '/login' }, body: '' },
      'failed (redirect, answered): HOST answered 302, a redirect, which is not followed',
    ],
    [
      'an empty 204',
      { status: 204, body: '' },
      'failed (malformed, answered, maybe spent): no access_token: HOST answered 204 with an empty body',
    ],
    [
      'no token',
      { body: { expires_in: 3600 } },
      'failed (malformed, answered, maybe spent): no access_token: HOST answered 200 application/json with the fields expires_in',
    ],
    [
      'a list',
      { body: [{ access_token: 'abc' }] },
      'failed (malformed, answered, maybe spent): no access_token: HOST answered 200 application/json with a list of 1, in its first item the fields access_token',
    ],
    [
      'null',
      { body: 'null', headers: { 'content-type': 'application/json' } },
      'failed (malformed, answered, maybe spent): no access_token: HOST answered 200 application/json with a null and no fields',
    ],
    [
      'a token that is a number',
      token({ access_token: 7 }),
      'failed (malformed, answered, maybe spent): an access_token that is not text: HOST answered 200 application/json with the fields access_token, token_type',
    ],
    [
      'a token with a line break',
      token({ access_token: 'a\r\nSet-Cookie: b' }),
      'failed (malformed, answered, maybe spent): an access_token with characters that no header can carry: HOST answered 200 application/json with the fields access_token, token_type',
    ],
    [
      'a token of 17 KiB',
      token({ access_token: 'a'.repeat(17_000) }),
      'failed (malformed, answered, maybe spent): an access_token of more than 16 KiB: HOST answered 200 application/json with the fields access_token, token_type',
    ],
    [
      'a token for a MAC',
      token({ token_type: 'mac' }),
      'failed (malformed, answered, maybe spent): a token of type mac, which cannot be sent as Bearer: HOST answered 200 application/json with the fields access_token, token_type',
    ],
    [
      'a token bound to a key',
      token({ token_type: 'DPoP' }),
      'failed (malformed, answered, maybe spent): a token of type DPoP, which cannot be sent as Bearer: HOST answered 200 application/json with the fields access_token, token_type',
    ],
    [
      'a type that may be anything',
      token({ token_type: 'canary 77' }),
      'failed (malformed, answered, maybe spent): a token of another type, which cannot be sent as Bearer: HOST answered 200 application/json with the fields access_token, token_type',
    ],
  ] as const) {
    it(`${what} is a failure`, async () => {
      endpoint().answer = () => reply;
      for (const kind of [login, refresh]) {
        const result = await kind({ tokenUrl: `${endpoint().url}/token` }, CLIENT);
        assert.equal(shown(result), expected.replace('HOST', endpoint().host));
      }
      assert.equal(endpoint().seen.length, 2, 'each is asked once');
    });
  }

  it('more than a mebibyte is a failure', async () => {
    endpoint().answer = () => token({ padding: 'x'.repeat(1024 * 1024) });
    assert.equal(
      shown(await refresh({ tokenUrl: `${endpoint().url}/token` }, CLIENT)),
      `failed (too_large, unanswered, maybe spent): ${endpoint().host}: a response of more than 1 MiB`,
    );
  });

  it('a refused connection is one of which nothing was sent', async () => {
    const tokenUrl = `${endpoint().url}/token`;
    await endpoint().close();
    assert.match(shown(await refresh({ tokenUrl }, CLIENT)), /^failed \(connect, unsent\): 127\.0\.0\.1:\d+: /);
  });
});
