import assert from 'node:assert/strict';
import { flowSchema, type Flow, type FlowInput } from '../../src/flows/flow.ts';
import { PRESETS } from '../../src/flows/presets.ts';
import { TokenCallError, type TokenResponse, type TokenRequest } from '../../src/flows/run.ts';
import { runCall } from '../support/run-call.ts';
import type { Outcome } from '../../src/tokens/credential.ts';

const NOW = 1_800_000_000_000;
const oauth2 = PRESETS['oauth2']!;
const values = { tokenUrl: 'https://id.example/token', clientId: 'app', clientSecret: 'canary-Secret' };

function replying(body: unknown, status = 200, headers: Record<string, string> = {}): () => Promise<TokenResponse> {
  return async () => ({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
}

/** The outcome without what is only for people. */
const plain = (outcome: Outcome): object =>
  Object.fromEntries(Object.entries(outcome).filter(([key]) => key !== 'detail'));

const login = (
  send: () => Promise<TokenResponse>,
  flow: Flow = oauth2,
  given: Record<string, unknown> = values,
): Promise<Outcome> => runCall(flow.login!, flow, flow.baseUrl, given, send, () => NOW);

describe('the token in an answer', () => {
  const good: readonly (readonly [string, string])[] = [
    ['a plain one', 'abc'],
    ['one with $, / and .', '$2y$10$a/b.c'],
    [
      'one with every visible ASCII character',
      Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join(''),
    ],
    ['one of 16 KiB', 'x'.repeat(16_384)],
  ];
  for (const [name, token] of good) {
    it(`${name} is taken`, async () => {
      const outcome = await login(replying({ access_token: token }));
      assert.equal(outcome.kind === 'granted' && outcome.grant.secret, token);
    });
  }

  const bad: readonly (readonly [string, unknown])[] = [
    ['none', {}],
    ['an empty one', { access_token: '' }],
    ['null', { access_token: null }],
    ['a number', { access_token: 12_345 }],
    ['true', { access_token: true }],
    ['a list', { access_token: ['abc'] }],
    ['an object', { access_token: { value: 'abc' } }],
    ['one with CR LF', { access_token: 'abc\r\nX-Injected: 1' }],
    ['one with LF', { access_token: 'abc\n' }],
    ['one with a space', { access_token: 'abc def' }],
    ['one with a tab', { access_token: 'abc\tdef' }],
    ['one with NUL', { access_token: 'abc\0' }],
    ['one with DEL', { access_token: 'abc\x7f' }],
    ['one with a letter beyond ASCII', { access_token: 'abcé' }],
    ['one of 17 KiB', { access_token: 'x'.repeat(17 * 1024) }],
    ['one under another name', { accessToken: 'abc', token: 'abc' }],
    ['one inside a list', [{ access_token: 'abc' }]],
    ['one inherited', '{"__proto__":{"access_token":"abc"}}'],
    ['a text', '"abc"'],
    ['null as the document', 'null'],
    ['a web page', '<html>access_token</html>'],
    ['nothing at all', ''],
    ['a document cut off', '{"access_token":"abc"'],
    ['a document with something behind it', '{"access_token":"abc"}}'],
    ['two documents', '{"access_token":"abc"}\n{"access_token":"def"}'],
    ['what gzip makes of it', '\x1f\x8b\x08\0\0'],
  ];
  for (const [name, body] of bad) {
    it(`${name} is no grant but a failure, and its refresh token may be spent`, async () => {
      assert.deepEqual(plain(await login(replying(body))), {
        kind: 'failed',
        reason: 'malformed',
        reach: 'answered',
        maybeSpent: true,
        retryAfter: undefined,
      });
    });
  }

  it('of duplicate keys the last counts, as everywhere in JSON', async () => {
    const outcome = await login(replying('{"access_token":"first","access_token":"second"}'));
    assert.equal(outcome.kind === 'granted' && outcome.grant.secret, 'second');
  });

  it('a byte order mark does no harm', async () => {
    assert.equal((await login(replying('\ufeff{"access_token":"abc"}'))).kind, 'granted');
  });

  for (const [name, refresh, expected] of [
    ['a good one', 'r', 'r'],
    ['an empty one', '', undefined],
    ['null', null, undefined],
    ['a number', 5, undefined],
    ['one with CR LF', 'r\r\n', undefined],
    ['one of 17 KiB', 'x'.repeat(17_408), undefined],
  ] as const) {
    it(`a refresh token that is ${name} is ${expected === undefined ? 'as good as none' : 'kept'}`, async () => {
      const outcome = await login(replying({ access_token: 'abc', refresh_token: refresh }));
      assert.equal(outcome.kind === 'granted' ? outcome.grant.refreshSecret : 'no grant', expected);
    });
  }
});

describe('the lifetime in an answer', () => {
  const lifetime = async (
    body: unknown,
    flow: FlowInput = {},
    headers: Record<string, string> = {},
    given: Record<string, unknown> = values,
  ): Promise<number | undefined | string> => {
    const outcome = await login(replying(body, 200, headers), flowSchema.parse({ ...oauth2, ...flow }), given);
    return outcome.kind === 'granted' ? outcome.grant.lifetime : outcome.kind;
  };

  for (const [expires, expected] of [
    [3_600, 3_600],
    ['3600', 3_600],
    [3600.5, 3600.5],
    ['3600.5', 3600.5],
    [1e12, 1e12],
    [undefined, undefined],
    [null, undefined],
    ['', undefined],
    [' ', undefined],
    ['soon', undefined],
    [true, undefined],
    [[3_600], undefined],
    [{}, undefined],
  ] as const) {
    it(`expires_in ${JSON.stringify(expires) ?? 'missing'} is ${String(expected)}`, async () => {
      assert.equal(await lifetime({ access_token: 'abc', expires_in: expires }), expected);
    });
  }

  it('"1e400" and 1e400 are no numbers', async () => {
    assert.equal(await lifetime('{"access_token":"abc","expires_in":1e400}'), undefined);
    assert.equal(await lifetime({ access_token: 'abc', expires_in: '1e400' }), undefined);
  });

  for (const none of [0, '0', 0.0, -1, '-1']) {
    it(`expires_in ${JSON.stringify(none)} is "not known", as some servers mean it: the upstream's refusal decides, or the flow's lifetime`, async () => {
      assert.equal(await lifetime({ access_token: 'abc', expires_in: none }), undefined);
      assert.equal(await lifetime({ access_token: 'abc', expires_in: none }, { lifetime: 600 }), 600);
    });

    it(`the same for a refresh token is "no end"`, async () => {
      for (const answer of [
        { token: '/access_token', refreshToken: '/r', refreshExpiresIn: '/end' },
        { token: '/access_token', refreshToken: '/r', refreshExpiresAt: '/end' },
      ]) {
        const flow = flowSchema.parse({ ...oauth2, login: { ...oauth2.login![0], answer } });
        const outcome = await login(replying({ access_token: 'abc', r: 'r', end: none }), flow);
        assert.equal(outcome.kind === 'granted' ? outcome.grant.refreshLifetime : 'no grant', undefined);
      }
    });
  }

  it("missing: the flow's own; given: the smaller of both", async () => {
    assert.equal(await lifetime({ access_token: 'abc' }, { lifetime: 600 }), 600);
    assert.equal(await lifetime({ access_token: 'abc', expires_in: 3_600 }, { lifetime: 600 }), 600);
    assert.equal(await lifetime({ access_token: 'abc', expires_in: 60 }, { lifetime: 600 }), 60);
  });

  const at = {
    login: { ...oauth2.login![0], answer: { token: '/access_token', expiresAt: '/end' } },
  } as unknown as FlowInput;
  for (const [name, end, expected] of [
    ['unix seconds', NOW / 1_000 + 100, 100],
    ['unix seconds as text', String(NOW / 1_000 + 100), 100],
    ['unix milliseconds', NOW + 100_000, 100],
    ['an ISO date', new Date(NOW + 100_000).toISOString(), 100],
    ['a moment past', NOW / 1_000 - 5, -5],
    ['no date at all', 'tomorrow', undefined],
    ['0', 0, undefined],
  ] as const) {
    it(`an end given as ${name} is counted from receipt`, async () =>
      assert.equal(await lifetime({ access_token: 'abc', end }, at), expected));
  }

  it("an end is measured by the endpoint's own clock where it tells it", async () => {
    const theirs = NOW - 3_600_000;
    assert.equal(
      await lifetime({ access_token: 'abc', end: theirs / 1_000 + 100 }, at, { date: new Date(theirs).toUTCString() }),
      100,
    );
    assert.equal(await lifetime({ access_token: 'abc', end: NOW / 1_000 + 100 }, at, { date: 'rubbish' }), 100);
  });

  const jwt = (claims: unknown): string =>
    `h.${Buffer.from(typeof claims === 'string' ? claims : JSON.stringify(claims)).toString('base64url')}.s`;
  const twin = PRESETS['twin']!;
  const seconds = NOW / 1_000;
  for (const [name, claims, ttl, expected] of [
    ['exp before ttl', { exp: seconds + 100 }, 600, 100],
    ['ttl before exp', { exp: seconds + 604_800 }, 600, 600],
    ['no ttl: exp, but no more than the documented hour', { exp: seconds + 604_800 }, undefined, 3_600],
    ['no exp', {}, 600, 600],
    ['an exp that is no number', { exp: 'x' }, 600, 600],
    ['no claims', 'rubbish', 600, 600],
    ['over by our clock though just issued: then exp - iat', { iat: seconds - 10_000, exp: seconds - 9_700 }, 600, 300],
  ] as const) {
    it(`of a JWT: ${name}`, async () => {
      const outcome = await runCall(
        twin.login!,
        twin,
        twin.baseUrl,
        { email: 'e', password: 'p', ...(ttl !== undefined && { ttl }) },
        replying({ token: jwt(claims), refreshToken: 'r' }),
        () => NOW,
      );
      assert.equal(outcome.kind === 'granted' && outcome.grant.lifetime, expected);
    });
  }
});

describe('an answer that is no grant', () => {
  for (const [status, reason, maybeSpent] of [
    [500, 'status_5xx', false],
    [502, 'status_5xx', true],
    [503, 'status_5xx', false],
    [504, 'status_5xx', true],
    [404, 'status_4xx', false],
    [301, 'redirect', false],
    [307, 'redirect', false],
  ] as const) {
    it(`${status} is a failure (${reason})`, async () => {
      assert.deepEqual(
        plain(await login(replying({ access_token: 'abc' }, status, { location: 'https://elsewhere.example/' }))),
        { kind: 'failed', reason, reach: 'answered', maybeSpent, retryAfter: undefined },
      );
    });
  }

  for (const [header, expected] of [
    ['7', 7],
    ['0', undefined],
    ['-1', undefined],
    ['soon', undefined],
    [new Date(NOW + 9_000).toUTCString(), 9],
    [new Date(NOW - 9_000).toUTCString(), undefined],
  ] as const) {
    it(`Retry-After: ${header}`, async () => {
      const outcome = await login(replying('', 503, { 'retry-after': header }));
      assert.equal(outcome.kind === 'failed' ? outcome.retryAfter : 'other', expected);
    });
  }

  it('a no inside a 200 is a refusal where the flow says so', async () => {
    const chatapp = PRESETS['chatapp']!;
    const outcome = await runCall(
      chatapp.login!,
      chatapp,
      chatapp.baseUrl,
      { email: 'e', password: 'p', appId: 'a' },
      replying({ success: false, error: { code: 'SomeError' } }),
      () => NOW,
    );
    assert.deepEqual(outcome, { kind: 'refused', reason: 'status 200, code SomeError' });
  });

  it('what a refusal says is no way out for a secret', async () => {
    for (const code of ['canary-Secret', 'canary', 'app', 'x'.repeat(41), 'with space', 'ключ', '<b>']) {
      const softline = PRESETS['softline']!;
      const outcome = await runCall(
        softline.login!,
        softline,
        softline.baseUrl,
        { username: 'app', password: 'canary-Secret' },
        replying({ error: code }, 401),
        () => NOW,
      );
      assert.deepEqual(outcome, { kind: 'refused', reason: 'status 401' }, code);
    }
  });

  for (const reason of ['connect', 'timeout', 'reset', 'too_large', 'tls', 'dns'] as const) {
    it(`a call that came to nothing (${reason}) is a failure, spent or not as the sender says`, async () => {
      for (const maybeSent of [true, false]) {
        assert.deepEqual(await login(async () => Promise.reject(new TokenCallError(reason, maybeSent))), {
          kind: 'failed',
          reason,
          reach: maybeSent ? 'unanswered' : 'unsent',
          maybeSpent: maybeSent,
          retryAfter: undefined,
        });
      }
    });
  }

  it('an unexpected fault of the sender is a failure too, and taken for spent', async () => {
    assert.deepEqual(await login(async () => Promise.reject(new TypeError('canary-Secret'))), {
      kind: 'failed',
      reason: 'fault',
      reach: 'unanswered',
      maybeSpent: true,
      retryAfter: undefined,
    });
  });

  it('a value that is missing: nothing is sent, and nothing will be until the configuration changes', async () => {
    const outcome = await login(async () => assert.fail('it was sent'), oauth2, { tokenUrl: values.tokenUrl });
    assert.deepEqual(outcome, { kind: 'impossible', reason: 'no value for {clientId}' });
  });
});

describe('the request to a token endpoint', () => {
  async function sent(
    flow: Flow,
    which: 'login' | 'refresh',
    given: Record<string, unknown>,
    baseUrl = flow.baseUrl,
  ): Promise<TokenRequest> {
    let seen: TokenRequest | undefined;
    await runCall(
      flow[which]!,
      flow,
      baseUrl,
      given,
      async (request) => {
        seen = request;
        return { status: 500, headers: {}, body: '' };
      },
      () => NOW,
    );
    return seen!;
  }
  const common = { accept: 'application/json', 'user-agent': 'tokenward' };

  it("is Softline's, ChatApp's and TWIN's own", async () => {
    assert.deepEqual(await sent(PRESETS['softline']!, 'login', { username: 'u', password: 'p"$&' }), {
      method: 'POST',
      url: 'https://api.ecommerce.softline.com/v1/login_check',
      headers: { ...common, 'content-type': 'application/json' },
      body: '{"username":"u","password":"p\\"$&"}',
    });
    assert.deepEqual(await sent(PRESETS['chatapp']!, 'refresh', { refreshToken: '$2y$10$r' }), {
      method: 'POST',
      url: 'https://api.chatapp.online/v1/tokens/refresh',
      headers: { ...common, refresh: '$2y$10$r' },
      body: undefined,
    });
    assert.deepEqual(await sent(PRESETS['twin']!, 'login', { email: 'e', password: 'p', ttl: 43_200 }), {
      method: 'POST',
      url: 'https://iam.twin24.ai/api/v1/auth/login',
      headers: { ...common, 'content-type': 'application/json' },
      body: '{"email":"e","password":"p","ttl":43200}',
    });
    assert.deepEqual(await sent(PRESETS['twin']!, 'refresh', { refreshToken: 'r' }), {
      method: 'POST',
      url: 'https://iam.twin24.ai/api/v1/auth/refresh',
      headers: { ...common, 'content-type': 'application/json' },
      body: '{"refreshToken":"r"}',
    });
  });

  it('goes below the base URL, with or without a slash at its end, or to a whole URL', async () => {
    for (const base of ['https://test.example/api', 'https://test.example/api/', 'https://test.example/api//']) {
      assert.equal(
        (await sent(PRESETS['softline']!, 'login', { username: 'u', password: 'p' }, base)).url,
        'https://test.example/api/v1/login_check',
      );
    }
    assert.equal((await sent(oauth2, 'login', values)).url, 'https://id.example/token');
  });
});
