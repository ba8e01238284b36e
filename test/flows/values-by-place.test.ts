import assert from 'node:assert/strict';
import fc from 'fast-check';
import { flowSchema, type Flow } from '../../src/flows/flow.ts';
import { type TokenRequest } from '../../src/flows/run.ts';
import { runCall } from '../support/run-call.ts';
import type { Outcome } from '../../src/tokens/credential.ts';

interface Attempt {
  readonly request: TokenRequest | undefined;
  readonly outcome: Outcome;
}

function flowOf(call: object): Flow {
  return flowSchema.parse({
    baseUrl: 'https://login.example/api',
    credentials: { user: 'required', pass: 'required', url: 'optional' },
    login: { url: '/login', ...call, answer: { token: '/t' } },
    attach: { header: 'X' },
  });
}

async function attempt(call: object, values: Record<string, unknown>): Promise<Attempt> {
  const flow = flowOf(call);
  let request: TokenRequest | undefined;
  const outcome = await runCall(
    flow.login!,
    flow,
    flow.baseUrl,
    values,
    async (one) => {
      request = one;
      return { status: 200, headers: {}, body: '{"t":"abc"}' };
    },
    () => 0,
  );
  return { request, outcome };
}

const sent = async (call: object, values: Record<string, unknown>): Promise<TokenRequest> =>
  (await attempt(call, values)).request!;
/** Why nothing was sent. */
async function withheld(call: object, values: Record<string, unknown>): Promise<string> {
  const { request, outcome } = await attempt(call, values);
  assert.equal(request, undefined);
  assert.equal(outcome.kind, 'impossible');
  return outcome.kind === 'impossible' ? outcome.reason : '';
}

describe('a value in a URL', () => {
  it('is percent-encoded, so that the whole of it arrives', async () => {
    const { url } = await sent({ url: '/login?login={user}&pass={pass}' }, { user: 'a b&c', pass: 'p&pass=x#y+z' });
    assert.equal(url, 'https://login.example/api/login?login=a%20b%26c&pass=p%26pass%3Dx%23y%2Bz');
    assert.equal(
      (await sent({ url: '/tenants/{user}/token' }, { user: 'a/b?c' })).url,
      'https://login.example/api/tenants/a%2Fb%3Fc/token',
    );
  });

  it('arrives whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, unit: 'grapheme' }), async (pass) => {
        if (pass === '.' || pass === '..') return;
        const url = new URL(
          (await sent({ url: '/login?u={user}&p={pass}', query: { q: '{pass}' } }, { user: 'x', pass })).url,
        );
        assert.deepEqual([url.searchParams.get('p'), url.searchParams.get('q'), url.hash], [pass, pass, '']);
      }),
      { numRuns: 500 },
    );
  });

  it('that begins the URL is a URL itself', async () => {
    assert.equal(
      (await sent({ url: '{url}/token?u={user}' }, { url: 'https://id.example/a?b', user: 'x y' })).url,
      'https://id.example/a?b/token?u=x%20y',
    );
    assert.equal((await sent({ url: '{url}' }, { url: 'token' })).url, 'https://login.example/api/token');
  });

  it('that would climb or name another host is not sent', async () => {
    for (const user of ['.', '..'])
      assert.equal(await withheld({ url: '/a/{user}/b' }, { user }), 'the value of {user} cannot stand in a URL');
    assert.match(
      await withheld({ url: 'https://{user}.example/x' }, { user: 'evil.example/' }),
      /not an http:\/\/ or https:\/\/ URL/,
    );
    assert.match(
      await withheld({ url: '{url}' }, { url: 'https://u:p@id.example' }),
      /not an http:\/\/ or https:\/\/ URL/,
    );
  });

  it('is not sent if it has no bytes', async () => {
    assert.equal(
      await withheld({ url: '/login?p={pass}' }, { pass: '\ud800' }),
      'the value of {pass} is not well-formed text',
    );
  });
});

describe('parameters of a query', () => {
  it('are added to those the URL has, without those that come out empty', async () => {
    assert.equal(
      (
        await sent(
          { method: 'GET', url: '/login?v=2', query: { login: '{user}', 'p w': '{pass}', tenant: '{url?}' } },
          { user: 'a&b', pass: 'c d' },
        )
      ).url,
      'https://login.example/api/login?v=2&login=a%26b&p%20w=c%20d',
    );
    assert.equal(
      (await sent({ method: 'GET', query: { login: '{user}' } }, { user: 'a' })).url,
      'https://login.example/api/login?login=a',
    );
    assert.equal(
      (await sent({ method: 'GET', query: { tenant: '{url?}' } }, {})).url,
      'https://login.example/api/login',
    );
  });
});

describe('a value in a header', () => {
  it('goes as it is', async () => {
    assert.equal(
      (await sent({ headers: { 'X-Key': 'k={pass}; v=1' } }, { pass: `!"#$%&'()*+,-./:;<=>?@[]^_{|}~ a` })).headers[
        'x-key'
      ],
      `k=!"#$%&'()*+,-./:;<=>?@[]^_{|}~ a; v=1`,
    );
  });

  // U+010A and U+010D are written as the bytes 0A and 0D where a head is written.
  for (const pass of [
    'a\r\nX-Evil: 1',
    'a\nb',
    'a\rb',
    'a\0b',
    'a\x7fb',
    'aĊb',
    'ačb',
    'пароль',
    'é',
    ' a',
    'a ',
    '\ta',
  ]) {
    it(`that a header cannot carry is not sent: ${JSON.stringify(pass)}`, async () => {
      assert.equal(
        await withheld({ headers: { 'X-Key': '{pass}' } }, { pass }),
        'the value of {pass} holds characters that a header cannot carry',
      );
    });
  }

  it('that is empty leaves the header out', async () => {
    assert.equal('x-tenant' in (await sent({ headers: { 'X-Tenant': '{url?}' } }, {})).headers, false);
  });

  it('may not stand where tokenward sets the header itself', () => {
    for (const name of ['Host', 'Content-Length', 'transfer-encoding', 'Connection'])
      assert.equal(
        flowSchema.safeParse({ ...flowOf({}), login: { url: '/x', headers: { [name]: 'x' }, answer: { token: '/t' } } })
          .success,
        false,
        name,
      );
  });
});

describe('a value in a body', () => {
  it('is escaped as the body wants it', async () => {
    const pass = 'a"b\\c&d=e f\r\n#%é';
    assert.deepEqual(JSON.parse((await sent({ json: { p: '{pass}', q: ['x{pass}'] } }, { pass })).body!), {
      p: pass,
      q: [`x${pass}`],
    });
    assert.deepEqual([...new URLSearchParams((await sent({ form: { p: '{pass}' } }, { pass })).body)], [['p', pass]]);
  });
});

describe('HTTP Basic authentication of a call', () => {
  const decoded = (request: TokenRequest): string =>
    Buffer.from(request.headers['authorization']!.replace(/^Basic /, ''), 'base64').toString('utf8');

  it('is user and password in UTF-8', async () => {
    assert.equal(
      (await sent({ basic: '{user}:{pass}' }, { user: 'Aladdin', pass: 'open sesame' })).headers['authorization'],
      'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==',
    );
    assert.equal(
      decoded(await sent({ basic: '{user}:{pass}' }, { user: 'ü', pass: 'пароль: \r\n' })),
      'ü:пароль: \r\n',
    );
    assert.equal(decoded(await sent({ basic: '{user}:' }, { user: 'key' })), 'key:');
    assert.equal(decoded(await sent({ basic: '{user}' }, { user: 'whole:pair' })), 'whole:pair');
  });

  it('has no colon in its user', async () => {
    assert.equal(
      await withheld({ basic: '{user}:{pass}' }, { user: 'a:b', pass: 'c' }),
      'the user of a Basic authentication cannot hold a colon',
    );
  });

  it('goes with no other Authorization', () => {
    const call = { url: '/x', answer: { token: '/t' } };
    for (const more of [
      { basic: 'a:b', headers: { authorization: 'x' } },
      { basic: 'a:b', client: { id: 'x' } },
      { client: { id: 'x' }, headers: { Authorization: 'x' } },
    ]) {
      assert.equal(
        flowSchema.safeParse({ ...flowOf({}), login: { ...call, ...more } }).success,
        false,
        JSON.stringify(more),
      );
    }
  });
});
