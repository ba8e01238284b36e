import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { call, metric } from '../../support/call.ts';
import { operator } from '../../support/operator.ts';
import { startProxy, type RunningProxy } from '../../support/proxy.ts';

const KEY = 'kEy-of-billing-3f9a1c77d2';
const OTHER_KEY = 'kEy-of-reports-8b20e4aa91';
const digest = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Every place a legacy app may be able to put a key. */
const PLACES: readonly (readonly [place: string, headers: (key: string) => Record<string, string>])[] = [
  ['X-Tokenward-Key', (key) => ({ 'X-Tokenward-Key': key })],
  ['X-Api-Key', (key) => ({ 'x-api-key': key })],
  ['Authorization: Bearer', (key) => ({ authorization: `Bearer ${key}` })],
  ['Authorization: bearer, in lower case', (key) => ({ authorization: `bearer ${key}` })],
  ['the password of Authorization: Basic', (key) => ({ authorization: basic('anybody', key) })],
  ['the password of Authorization: Basic, without a user', (key) => ({ authorization: basic('', key) })],
  ['Proxy-Authorization', (key) => ({ 'proxy-authorization': basic('anybody', key) })],
];

describe('callers with keys', () => {
  let sandbox: Sandbox;
  let proxy: RunningProxy;
  let upstream: Server;
  const arrived: string[] = [];
  before(async () => {
    sandbox = await startSandbox();
    upstream = createServer((request, response) => {
      arrived.push([request.method, request.url, ...request.rawHeaders].join('\n'));
      response.end('fine');
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    proxy = await startProxy(sandbox, {
      config: (base) => ({
        ...base,
        callers: [
          { name: 'billing', key: digest(KEY) },
          { name: 'reports', key: digest(OTHER_KEY), routes: ['/open'] },
        ],
        accounts: {
          ...(base['accounts'] as object),
          fixed: { flow: 'static', credentials: { token: 'tOkEn-of-fixed' } },
        },
        routes: [
          { prefix: '/open', upstream: url },
          { prefix: '/keyed', upstream: url, account: 'fixed' },
        ],
      }),
    });
  });
  after(async () => {
    await proxy.stop();
    upstream.close();
    await sandbox.close();
  });
  beforeEach(() => (arrived.length = 0));

  for (const [place, headers] of PLACES) {
    it(`may call with the key as ${place}, and it does not travel on`, async () => {
      for (const target of ['/open/a', '/keyed/a']) {
        const { status, text } = await call(proxy.url, target, { headers: { ...headers(KEY), 'x-kept': 'yes' } });
        assert.deepEqual([status, text], [200, 'fine'], target);
      }
      assert.equal(arrived.length, 2);
      for (const request of arrived) {
        assert.match(request, /^x-kept\nyes$/m);
        for (const form of [
          KEY,
          Buffer.from(KEY).toString('base64'),
          basic('anybody', KEY).slice(6),
          basic('', KEY).slice(6),
        ])
          assert.ok(!request.includes(form), request);
      }
      assert.match(arrived[1]!, /^Authorization\nBearer tOkEn-of-fixed$/m);
    });
  }

  it('are told to show a key if they show none: 401 with a challenge', async () => {
    for (const headers of [
      {},
      { 'x-tokenward-key': '' },
      { authorization: 'Bearer' },
      { authorization: 'Digest username="a"' },
      { authorization: basic('user', '') },
    ]) {
      const answer = await call(proxy.url, '/open/a', { headers });
      assert.deepEqual(
        [answer.status, answer.headers['x-tokenward-error'], answer.headers['content-type']],
        [401, 'caller_key_missing', 'application/problem+json'],
      );
      assert.equal(answer.headers['www-authenticate'], 'Bearer realm="tokenward"');
    }
    assert.deepEqual(arrived, []);
  });

  for (const [place, headers] of PLACES) {
    it(`are refused with a wrong key as ${place}: 403, without the key in it`, async () => {
      const wrong = `wRoNg-${KEY}`;
      const { status, headers: got, text } = await call(proxy.url, '/open/a', { headers: headers(wrong) });
      assert.deepEqual(
        [status, got['x-tokenward-error'], got['www-authenticate']],
        [403, 'caller_key_unknown', undefined],
      );
      assert.ok(!text.includes(KEY));
      assert.deepEqual(arrived, []);
    });
  }

  it('are refused with a digest instead of a key, or a part of one', async () => {
    for (const key of [digest(KEY), digest(KEY).slice(7), KEY.slice(0, -1), KEY.toUpperCase()])
      assert.equal((await call(proxy.url, '/open/a', { headers: { 'x-tokenward-key': key } })).status, 403, key);
  });

  it('may use the routes that are theirs only', async () => {
    const headers = { 'x-tokenward-key': OTHER_KEY };
    assert.equal((await call(proxy.url, '/open/a', { headers })).status, 200);
    const refused = await call(proxy.url, '/keyed/a', { headers });
    assert.deepEqual(
      [refused.status, refused.headers['x-tokenward-error'], (refused.json() as { detail: string }).detail],
      [403, 'caller_not_allowed', 'caller reports'],
    );
    assert.equal(arrived.length, 1);
  });

  it('are not asked before the route is known, so that an unknown one is 404 for all', async () => {
    assert.equal((await call(proxy.url, '/nowhere')).status, 404);
  });

  it('that are refused are counted, and never named by their keys', async () => {
    assert.ok(
      (await metric(proxy.operatorUrl, 'tokenward_errors_total', { route: '/open', reason: 'caller_key_missing' })) > 0,
    );
    assert.ok(
      (await metric(proxy.operatorUrl, 'tokenward_errors_total', { route: '/open', reason: 'caller_key_unknown' })) > 0,
    );
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_errors_total', { route: '/keyed', reason: 'caller_not_allowed' }),
      1,
    );
    const shown = [await operator(proxy).get('/metrics').expect(200), await operator(proxy).get('/status').expect(200)];
    const said = [...proxy.lines, ...shown.map(({ text }) => text)].join('\n');
    assert.ok(!said.includes(KEY) && !said.includes(OTHER_KEY));
  });
});
