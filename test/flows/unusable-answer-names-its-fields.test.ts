import assert from 'node:assert/strict';
import { flowSchema } from '../../src/flows/flow.ts';
import { PRESETS } from '../../src/flows/presets.ts';
import { TokenCallError } from '../../src/flows/run.ts';
import { runCall } from '../support/run-call.ts';

const NOW = 1_800_000_000_000;
const SECRET = 'canary-Secret-55';
const oauth2 = PRESETS['oauth2']!;
const values = {
  tokenUrl: 'https://iam.example:8443/oauth/access_token',
  clientId: 'app',
  clientSecret: SECRET,
  grantType: 'password',
};

/** What people are told of a login that failed. */
async function detail(
  body: unknown,
  { status = 200, type = 'application/json', headers = {}, flow = oauth2 } = {},
): Promise<string> {
  const outcome = await runCall(
    flow.login!,
    flow,
    flow.baseUrl,
    values,
    async () => ({
      status,
      headers: { ...(type !== '' && { 'content-type': type }), ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
    () => NOW,
  );
  assert.equal(outcome.kind, 'failed');
  return outcome.kind === 'failed' ? (outcome.detail ?? '') : '';
}

describe('an answer in which no token was found', () => {
  it('is described by pointer, host, status, type and the names of its fields', async () => {
    assert.equal(
      await detail({ accessToken: 'tok-1', expires: 5 }),
      'no token at /access_token: iam.example:8443 answered 200 application/json with the fields accessToken, expires',
    );
    assert.equal(
      await detail({ success: true, data: { access_token: 'tok-1', expires_in: 5 } }),
      'no token at /access_token: iam.example:8443 answered 200 application/json with the fields success, data, data/access_token, data/expires_in',
    );
    assert.equal(
      await detail('access_token=tok-1&expires_in=5', { type: 'application/x-www-form-urlencoded; charset=utf-8' }),
      'no token at /access_token: iam.example:8443 answered 200 application/x-www-form-urlencoded with the fields access_token, expires_in',
    );
    assert.equal(
      await detail([{ token: 'tok-1' }]),
      'no token at /access_token: iam.example:8443 answered 200 application/json with a list of 1, in its first item the fields token',
    );
  });

  for (const [what, body, options, end] of [
    ['a web page', '<html>tok-1</html>', { type: 'text/html; charset=utf-8' }, 'text/html that is not JSON'],
    ['half a document', '{"access_token":"tok', {}, 'application/json that is not JSON'],
    ['nothing', '', { status: 204, type: '' }, '204 with an empty body'],
    ['an empty object', {}, {}, 'application/json with no fields'],
    ['an empty list', [], {}, 'application/json with a list of 0'],
    ['a text', '"tok-1"', {}, 'application/json with a string and no fields'],
    ['null', 'null', {}, 'application/json with a null and no fields'],
    ['a type that is none', '{"a":1}', { type: 'x\r\ny/z' }, '200 with the fields a'],
    [
      'what could not be unpacked',
      '\0',
      { headers: { 'content-encoding': 'zstd' } },
      'application/json in a content coding that could not be decoded',
    ],
  ] as const) {
    it(`says so of ${what}`, async () =>
      assert.match(
        await detail(body, options),
        new RegExp(`^no token at /access_token: iam.example:8443 answered .*${end}$`),
      ));
  }

  it('says what stood there instead', async () => {
    assert.match(await detail({ access_token: 5 }), /^no token but a number at \/access_token: /);
    assert.match(
      await detail({ access_token: { value: 'x' } }),
      /^no token but an object at \/access_token: .* the fields access_token, access_token\/value$/,
    );
    assert.match(
      await detail({ access_token: 'two words' }),
      /^a token with characters that no header can carry at \/access_token: /,
    );
    assert.match(
      await detail({ access_token: 'x'.repeat(20_000) }),
      /^a token of more than 16 KiB at \/access_token: /,
    );
    const cookie = flowSchema.parse({ ...oauth2, attach: { cookie: 'sid' } });
    assert.match(
      await detail({ access_token: 'a;b' }, { flow: cookie }),
      /^the token holds characters that a cookie cannot carry: /,
    );
  });

  it('names no more than a dozen fields', async () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`field_${index}`, 1]));
    assert.match(await detail(many), /the fields field_0, .*field_11 and 28 more$/);
  });

  it('never shows a value, nor a name that is made of data', async () => {
    const text = await detail({
      [SECRET]: 1,
      a1b2c3d4e5f6a7b8: 1,
      'user@mail.example': 1,
      'two words': 1,
      ['x'.repeat(50)]: 1,
      ключ: 1,
      '<b>': 1,
      'n\r\nm': 1,
      ok: { [SECRET]: 'v', inner: 'v' },
    });
    assert.equal(
      text,
      'no token at /access_token: iam.example:8443 answered 200 application/json with the fields ok, ok/inner and 9 more',
    );
    assert.match(await detail({ a1b2c3d4e5f6a7b8: 1 }), /with 1 field whose name is not shown$/);
    // Base64 in a text looks like a field of a form.
    assert.match(await detail('c2VjcmV0LXRva2Vu==', { type: 'text/plain' }), /text\/plain that is not JSON$/);
  });
});

describe('what people are told of a call that failed', () => {
  it('names host and status, and a plain code or a type where there is one', async () => {
    assert.equal(await detail('', { status: 503, type: '' }), 'iam.example:8443 answered 503');
    assert.equal(await detail('<html>', { status: 403, type: 'text/html' }), 'iam.example:8443 answered 403 text/html');
    assert.equal(
      await detail({ error: 'server_error' }, { status: 500 }),
      'iam.example:8443 answered 500, code server_error',
    );
    assert.equal(await detail({ error: SECRET }, { status: 500 }), 'iam.example:8443 answered 500');
    assert.equal(
      await detail('', { status: 302, headers: { location: `https://x.example/?s=${SECRET}` } }),
      'iam.example:8443 answered 302, a redirect, which is not followed',
    );
  });

  it('is what the sender says of a connection', async () => {
    const outcome = await runCall(
      oauth2.login!,
      oauth2,
      undefined,
      values,
      async () =>
        Promise.reject(new TokenCallError('connect', false, 'no connection to iam.example:8443 (ECONNREFUSED)')),
      () => NOW,
    );
    assert.deepEqual(outcome, {
      kind: 'failed',
      reason: 'connect',
      detail: 'no connection to iam.example:8443 (ECONNREFUSED)',
      reach: 'unsent',
      maybeSpent: false,
      retryAfter: undefined,
    });
  });
});
