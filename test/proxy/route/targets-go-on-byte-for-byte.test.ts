import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { startProxy, type RunningProxy } from '../../support/proxy.ts';
import { dial, httpServer, type TestServer } from '../../support/wire.ts';
import { freshWorld, ownCode, withRoute } from '../../support/world.ts';

describe('a request target', () => {
  const world = freshWorld();

  const targets = [
    ['/softline', '/'],
    ['/softline/', '/'],
    ['/softline?x=1', '/?x=1'],
    ['/softline?', '/?'],
    ['/softline/v1/order/77?', '/v1/order/77?'],
    ['/softline/v1/order/77/', '/v1/order/77/'],
    ['/softline/v1///order//77//', '/v1///order//77//'],
    ['/softline/v1/messengers/79001234567@c.us/messages', '/v1/messengers/79001234567@c.us/messages'],
    [
      '/softline/v1/chats?filter[licenseIds]=1&filter[licenseIds]=2',
      '/v1/chats?filter[licenseIds]=1&filter[licenseIds]=2',
    ],
    ['/softline/v1/a%20b/%D0%BF%d0%bf', '/v1/a%20b/%D0%BF%d0%bf'],
    ['/softline/v1/~tilde/%7Etilde/a+b/a;b=c/(x)/*/:8080', '/v1/~tilde/%7Etilde/a+b/a;b=c/(x)/*/:8080'],
    ['/softline/v1/order?q=a/../b&r=%2F%2e%2e%00&s="|{}^`\\', '/v1/order?q=a/../b&r=%2F%2e%2e%00&s="|{}^`\\'],
    ['/softline/v1/order?a=?&b==&&c', '/v1/order?a=?&b==&&c'],
    ['/softline/v1/...dots/.hidden/a..b', '/v1/...dots/.hidden/a..b'],
    ['/softline/softline/softlineX', '/softline/softlineX'],
    [`/softline/v1/${'x'.repeat(7_000)}`, `/v1/${'x'.repeat(7_000)}`],
  ] as const;
  for (const [sent, arrives] of targets) {
    it(`${sent.slice(0, 90)} arrives as ${arrives.slice(0, 80)}`, async () => {
      const { sandbox } = world();
      await world().call(sent);
      assert.equal(sandbox.ledger.last({ vendor: 'softline', kind: 'api' })?.target, arrives);
    });
  }

  for (const unknown of [
    '/softlineX',
    '/softlineX/v1/order/77',
    '/softlin',
    '/Softline/v1/order/77',
    '/SOFTLINE',
    '/',
    '/twin',
    '/twin/v1',
    '/softline%20/v1',
    '/%73oftline/v1/order/77',
    '/softline;x/v1',
    '/crm%2Fv1',
  ]) {
    it(`${unknown} belongs to no route`, async () => {
      const { sandbox } = world();
      const answer = await world().call(unknown);
      assert.ok(
        (answer.status === 404 && ownCode(answer) === 'route_unknown') ||
          (answer.status === 400 && ownCode(answer) === 'request_target_refused'),
        answer.text,
      );
      assert.equal(sandbox.ledger.count(), 0);
    });
  }

  for (const trap of [
    '/softline/../crm/v1/me',
    '/softline/v1/..',
    '/softline/./v1',
    '/softline/%2e%2e/crm',
    '/softline/.%2E/crm',
    '/softline/v1%2forder',
    '/softline/v1%5corder',
    '/softline/v1\\order',
    '/softline/v1/%00',
    '/softline/v1/%0d%0aX:1',
    '/softline/..;/crm',
    '/softline/v1/%zz',
    '/softline/v1/%',
    '//softline/v1',
    '/softline//v1/order',
    '/softline///',
    '/softline/v1/%252e%252e/x',
    '/softline/v1/%c0%ae',
    ...[...'|^[]{}<>"`'].map((letter) => `/softline/v1/a${letter}b`),
  ]) {
    it(`${trap.slice(0, 60)} is refused, and nothing of it arrives`, async () => {
      const { sandbox } = world();
      const answer = await world().call(trap);
      assert.equal(answer.status, 400);
      assert.equal(ownCode(answer), 'request_target_refused');
      assert.equal(sandbox.ledger.count(), 0);
    });
  }

  it('one that is too long is told so, and nothing of it arrives', async () => {
    const { sandbox } = world();
    const answer = await world().call(`/softline/${'x'.repeat(9_000)}`);
    assert.deepEqual([answer.status, ownCode(answer)], [414, 'target_too_long']);
    assert.equal(sandbox.ledger.count(), 0);
  });

  it('the longest prefix wins, in whole segments', async () => {
    const { sandbox } = world();
    await world().call('/twin/cis/api/v1/telephony/autoCall', { method: 'POST', body: '{}' });
    assert.equal(sandbox.ledger.last({ kind: 'api' })?.service, 'cis');
  });

  for (const [name, line] of [
    ['absolute', 'GET http://elsewhere.example/softline/v1/order/77 HTTP/1.1'],
    ['asterisk', 'OPTIONS * HTTP/1.1'],
  ] as const) {
    it(`in ${name} form is refused`, async () => {
      const { proxy, sandbox } = world();
      const wire = await dial(proxy.url);
      wire.socket.write(`${line}\r\nHost: proxy\r\nConnection: close\r\n\r\n`);
      assert.match(await wire.closed(), /^HTTP\/1\.1 400 /);
      assert.equal(sandbox.ledger.count(), 0);
    });
  }
});

describe('a route to an upstream URL with a path', () => {
  let upstream: TestServer;
  let seen: string[] = [];
  before(async () => {
    upstream = await httpServer((request, response) => {
      seen.push(request.url ?? '');
      response.end('{}');
    });
  });
  after(() => upstream.close());
  beforeEach(() => {
    seen = [];
  });
  const world = freshWorld();

  for (const [base, sent, arrives] of [
    ['/base', '/softline/v1/x?y=1', '/base/v1/x?y=1'],
    ['/base/', '/softline/v1/x', '/base/v1/x'],
    ['/base/deep', '/softline', '/base/deep/'],
    ['/base', '/softline//x', '/base//x'],
    ['/base', '/softline?x', '/base/?x'],
  ] as const) {
    it(`${base}: ${sent} arrives as ${arrives}`, async () => {
      const proxy = await startProxy(world().sandbox, {
        config: withRoute('/softline', { upstream: `${upstream.url}${base}` }),
      });
      await call(proxy.url, sent);
      await proxy.stop();
      assert.deepEqual(seen, [arrives]);
    });
  }
});

describe('a route with the prefix /', () => {
  let proxy: RunningProxy | undefined;
  const world = freshWorld();
  afterEach(async () => {
    await proxy?.stop();
  });

  it('takes what no other route takes, with the path unchanged', async () => {
    const { sandbox } = world();
    proxy = await startProxy(sandbox, {
      config: (base) => ({
        ...base,
        routes: [
          { prefix: '/', upstream: sandbox.urls.softline, account: 'softline' },
          { prefix: '/crm', upstream: sandbox.urls.chatapp, account: 'crm' },
        ],
      }),
    });
    assert.equal((await call(proxy.url, '/v1/order/77')).status, 200);
    assert.equal((await call(proxy.url, '/crm/v1/me')).status, 200);
    await call(proxy.url, '/crmX');
    assert.deepEqual(
      sandbox.ledger.entries({ kind: 'api' }).map(({ vendor, target }) => [vendor, target]),
      [
        ['softline', '/v1/order/77'],
        ['chatapp', '/v1/me'],
        ['softline', '/crmX'],
      ],
    );
  });
});
