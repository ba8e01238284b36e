import assert from 'node:assert/strict';
import { parseConfig } from '../../../src/config/load.ts';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { call, metric, type Answer } from '../../support/call.ts';
import { FakeClock } from '../../support/clock.ts';
import { load } from '../../support/config.ts';
import { closing } from '../../support/custom-proxy.ts';
import { sandboxConfigObject, startProxy, type ConfigObject, type RunningProxy } from '../../support/proxy.ts';
import { ownCode } from '../../support/world.ts';

const KEY = 'a-key-of-billing-that-is-long-enough';
const OTHER_KEY = 'a-key-of-reports-that-is-long-enough';
const STORE_KEY = Buffer.alloc(32, 7).toString('base64');

/** What an HTTP client sends for http://billing:KEY@proxy/…; its own Authorization takes the place of that. */
const url = (key: string) => ({ authorization: `Basic ${Buffer.from(`any:${key}`).toString('base64')}` });

/** Where each vendor's application logs in, finds its token, and sends it. */
const VENDORS = {
  softline: {
    login: '/softline/v1/login_check',
    read: '/softline/v1/order/77',
    token: (told: unknown) => (told as { token: string }).token,
    send: (token: string) => ({ authorizationjwt: `Bearer ${token}` }),
  },
  chatapp: {
    login: '/crm/v1/tokens',
    read: '/crm/v1/licenses',
    token: (told: unknown) => (told as { data: { accessToken: string } }).data.accessToken,
    send: (token: string) => ({ authorization: token }),
  },
  twin: {
    login: '/twin/iam/api/v1/auth/login',
    read: '/twin/notify/api/v1/messages',
    token: (told: unknown) => (told as { token: string }).token,
    send: (token: string) => ({ authorization: `Bearer ${token}` }),
  },
} as const;

interface Setting {
  readonly callers?: readonly object[];
  readonly storeKey?: string;
  readonly clock?: FakeClock;
  readonly answers?: readonly string[];
}

describe('a caller that sends back the token of its answered login', () => {
  const close = closing();
  let sandbox: Sandbox;
  beforeEach(async () => void (sandbox = await close(startSandbox())));

  const CALLERS = [
    { name: 'billing', key: keyDigest(KEY) },
    { name: 'reports', key: keyDigest(OTHER_KEY), routes: ['/softline'] },
  ];

  function configOf(base: ConfigObject, { callers = CALLERS, storeKey = STORE_KEY, answers }: Setting): ConfigObject {
    const routes = (base['routes'] as { prefix: string }[]).map((route) =>
      answers === undefined || answers.includes(route.prefix) ? { ...route, legacyLogin: 'answer' } : route,
    );
    return { ...base, callers, routes, store: { ...(base['store'] as object), key: storeKey } };
  }

  const start = (setting: Setting = {}): Promise<RunningProxy> =>
    close(
      startProxy(sandbox, {
        config: (base) => configOf(base, setting),
        ...(setting.clock && { surroundings: { clock: setting.clock } }),
      }),
    );

  const login = async (
    proxy: { url: string },
    vendor: keyof typeof VENDORS,
    headers: Record<string, string> = url(KEY),
  ): Promise<string> => {
    const answer = await call(proxy.url, VENDORS[vendor].login, { method: 'POST', body: '{}', headers });
    assert.equal(answer.status, 200, answer.text);
    return VENDORS[vendor].token(answer.json());
  };

  const read = (proxy: { url: string }, vendor: keyof typeof VENDORS, token: string): Promise<Answer> =>
    call(proxy.url, VENDORS[vendor].read, {
      headers: VENDORS[vendor].send(token),
      ...(vendor === 'twin' && { method: 'POST', body: '{}' }),
    });

  for (const vendor of ['softline', 'chatapp', 'twin'] as const)
    it(`is known by it, at ${vendor}, and it is never sent on`, async () => {
      const proxy = await start();
      const token = await login(proxy, vendor);
      for (let time = 0; time < 3; time += 1) assert.ok((await read(proxy, vendor, token)).status < 300);
      const admitted = { caller: 'billing', outcome: 'admitted' };
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_caller_requests_total', admitted), 4);
      const arrived = sandbox.ledger.entries({ kind: 'api' });
      assert.deepEqual(
        arrived.map(({ outcome }) => outcome),
        ['ok', 'ok', 'ok'],
      );
      const seen = JSON.stringify(sandbox.ledger.entries({}).map(({ rawHeaders, target }) => [rawHeaders, target]));
      // The ledger shows what it does not know as <unknown …>.
      for (const text of ['managed-by', '<unknown', token.slice(0, 30), KEY]) assert.ok(!seen.includes(text), text);
      assert.ok(!proxy.lines.join('\n').includes(token));
    });

  it('has a JWT at twin, whose other claims are those of the account', async () => {
    const proxy = await start();
    const [head, claims, signature] = (await login(proxy, 'twin')).split('.');
    assert.deepEqual(JSON.parse(Buffer.from(head!, 'base64url').toString()), { typ: 'JWT', alg: 'none' });
    assert.equal(signature, '');
    const { jti, sub, company_id } = JSON.parse(Buffer.from(claims!, 'base64url').toString()) as Record<
      string,
      unknown
    >;
    assert.match(String(jti), /^managed-by-tokenward\.[\w-]{30,}$/);
    assert.deepEqual([sub, company_id], ['783', 570]);
  });

  it('is known to every process of the store, and after a new store key', async () => {
    const token = await login(await start(), 'chatapp');
    assert.equal((await read(await start(), 'chatapp', token)).status, 200);
    const rekeyed = await close(
      startProxy(sandbox, {
        config: (base) => {
          const config = configOf(base, { storeKey: Buffer.alloc(32, 9).toString('base64') });
          return { ...config, store: { ...(config['store'] as object), retiredKeys: [STORE_KEY] } };
        },
      }),
    );
    assert.equal((await read(rekeyed, 'chatapp', token)).status, 200);
    const another = await start({ storeKey: Buffer.alloc(32, 8).toString('base64') });
    assert.equal(ownCode(await read(another, 'chatapp', token)), 'caller_key_unknown');
  });

  it('is told to log in again when it has ended, and a login with it does not make it last longer', async () => {
    const clock = new FakeClock();
    const proxy = await start({ clock });
    const token = await login(proxy, 'chatapp');
    clock.pass(24 * 3_600_000);
    assert.equal((await read(proxy, 'chatapp', token)).status, 200);
    const renewed = await login(proxy, 'chatapp', VENDORS.chatapp.send(token));
    assert.equal((await read(proxy, 'chatapp', renewed)).status, 200);
    clock.pass(3_700_000);
    for (const one of [token, renewed]) {
      const answer = await read(proxy, 'chatapp', one);
      assert.equal(answer.status, 401);
      assert.equal(ownCode(answer), 'caller_key_missing');
      assert.match(answer.text, /log in again/);
    }
    assert.equal((await read(proxy, 'chatapp', await login(proxy, 'chatapp'))).status, 200);
  });

  it('is refused on the routes of other accounts, and on those that its caller may not use', async () => {
    const proxy = await start();
    const token = await login(proxy, 'chatapp');
    // The same text, where the others look for theirs.
    for (const vendor of ['softline', 'twin'] as const)
      assert.equal(ownCode(await read(proxy, vendor, token)), 'caller_key_unknown', vendor);
    const reports = await login(proxy, 'softline', url(OTHER_KEY));
    assert.equal((await read(proxy, 'softline', reports)).status, 200);
    const widened = await start({ callers: [CALLERS[0]!, { ...CALLERS[1]!, routes: ['/crm'] }] });
    assert.equal(ownCode(await read(widened, 'softline', reports)), 'caller_not_allowed');
    assert.equal(sandbox.ledger.entries({ kind: 'api' }).length, 1);
  });

  it('is refused once its caller has another key, or is gone', async () => {
    const token = await login(await start(), 'chatapp');
    for (const callers of [[{ ...CALLERS[0], key: keyDigest(`${KEY}2`) }], [CALLERS[1]!]])
      assert.equal(ownCode(await read(await start({ callers }), 'chatapp', token)), 'caller_key_unknown');
  });

  it('is refused as soon as a reload gives its caller another key, though it was in use before', async () => {
    const proxy = await start();
    const token = await login(proxy, 'chatapp');
    assert.equal((await read(proxy, 'chatapp', token)).status, 200);
    const take = async (callers: readonly object[]): Promise<void> => {
      const config = configOf(sandboxConfigObject(sandbox, proxy.folder), { callers });
      (await proxy.app.prepare(parseConfig(JSON.stringify(config), process.env))).use();
    };
    await take([{ ...CALLERS[0], key: keyDigest(`${KEY}2`) }, CALLERS[1]!]);
    assert.equal(ownCode(await read(proxy, 'chatapp', token)), 'caller_key_unknown');
    await take([CALLERS[1]!]);
    assert.equal(ownCode(await read(proxy, 'chatapp', token)), 'caller_key_unknown');
    await take(CALLERS);
    assert.equal((await read(proxy, 'chatapp', token)).status, 200);
  });

  it('is refused on a route that does not answer logins, also with the same account', async () => {
    const proxy = await start({ answers: ['/twin/iam'] });
    const token = await login(proxy, 'twin');
    const { status } = await call(proxy.url, '/twin/iam/api/v1/users/me', { headers: VENDORS.twin.send(token) });
    assert.equal(status, 200);
    assert.equal(ownCode(await read(proxy, 'twin', token)), 'caller_key_unknown');
  });

  it('is not known by what was forged, which counts as a wrong key', async () => {
    const proxy = await start();
    const token = await login(proxy, 'chatapp');
    const [stem, mark] = token.split('.') as [string, string];
    const bytes = Buffer.from(mark, 'base64url');
    const changed = (at: number, value: number): string => {
      const copy = Buffer.from(bytes);
      copy[at] = value ^ copy[at]!;
      return `${stem}.${copy.toString('base64url')}`;
    };
    const renamed = Buffer.concat([bytes.subarray(0, 21), Buffer.from('reports')]).toString('base64url');
    const jwt = (claims: unknown): string =>
      ['{"typ":"JWT","alg":"none"}', JSON.stringify(claims)]
        .map((one) => Buffer.from(one).toString('base64url'))
        .join('.');
    const forged = [
      ...[0, 1, 4, 5, 20, 21, bytes.length - 1].map((at) => changed(at, 1)),
      `${stem}.${renamed}`,
      token.slice(0, -1),
      `${stem}.${mark.slice(0, 20)}`,
      `${stem}.`,
      `${token}=`,
      `${token}A`,
      `${jwt({ jti: changed(5, 1) })}.`,
    ];
    for (const [index, one] of forged.entries()) {
      // Twenty in a row would be too many.
      if (index % 10 === 9) assert.equal((await read(proxy, 'chatapp', token)).status, 200);
      assert.equal(ownCode(await read(proxy, 'chatapp', one)), 'caller_key_unknown', one);
    }
    for (const odd of [jwt(null), jwt('x'), jwt([1]), `${jwt({}).split('.')[0]!}.%%%.`, `${jwt({}).split('.')[0]!}.`])
      assert.ok([401, 403].includes((await read(proxy, 'chatapp', odd)).status));
    for (let time = 0; time < 25; time += 1) await read(proxy, 'chatapp', changed(5, 1));
    assert.equal(ownCode(await read(proxy, 'chatapp', changed(5, 1))), 'too_many_wrong_keys');
    assert.equal((await read(proxy, 'chatapp', token)).status, 200, 'the right one passes');
    assert.equal(sandbox.ledger.entries({ kind: 'api' }).length, 2);
  });

  it('is no key: not as a password, not in the field for keys, not as the key of a proxy', async () => {
    const proxy = await start();
    const token = await login(proxy, 'chatapp');
    for (const headers of [
      url(token),
      { 'x-tokenward-key': token },
      { 'x-api-key': token },
      { 'proxy-authorization': `Bearer ${token}` },
    ])
      assert.equal(ownCode(await call(proxy.url, VENDORS.chatapp.read, { headers })), 'caller_key_unknown');
  });

  it('gets the plain one without a key: callers with certificates and JWTs show those again', async () => {
    const proxy = await close(startProxy(sandbox, { config: (base) => ({ ...configOf(base, {}), callers: 'none' }) }));
    assert.equal(await login(proxy, 'chatapp', {}), 'managed-by-tokenward');
  });

  for (const [what, flow, warned] of [
    [
      'an answer without {standIn}',
      '{ extends: softline, legacyLogin: [{ path: /l, answer: { t: x } }] }',
      /no \{standIn\}/,
    ],
    ['a token in the query', '{ extends: softline, attach: { query: key } }', /no header field/],
    [
      'its own answer with one',
      '{ extends: softline, legacyLogin: [{ path: /l, answer: { t: "{standIn=x}" } }] }',
      undefined,
    ],
    ['the preset', '{ extends: softline }', undefined],
  ] as const)
    it(`is told at check whether it can be known: ${what}`, () => {
      const config = (callers: string) =>
        load(
          [
            `flows: { own: ${flow} }`,
            'accounts: { a: { flow: own, credentials: { username: a, password: cccccccccccc } } }',
            'routes: [{ prefix: /a, upstream: "https://a.example", account: a, legacyLogin: answer }]',
            callers,
          ].join('\n'),
        ).warnings.filter(({ path }) => path === 'routes.0.legacyLogin');
      const [warning] = config(`callers: [{ name: c, key: "${keyDigest(KEY)}" }]`);
      if (warned === undefined) assert.equal(warning, undefined);
      else assert.match(warning!.message, warned);
      assert.deepEqual(config('callers: none'), []);
    });
});
