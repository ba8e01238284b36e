import assert from 'node:assert/strict';
import { pathShape } from '../../src/proxy/path-shape.ts';
import { keyDigest } from '../../src/proxy/caller.ts';
import { MAX_REFUSED_CALLS, RefusedCalls, sumOfRefusedCalls } from '../../src/refused-calls.ts';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { connectThrough, startForwardProxy } from '../support/forward-proxy.ts';
import { statusOf } from '../support/operator.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { dial } from '../support/wire.ts';

const ROUTES = [{ host: 'api.vendor.example', upstream: 'https://api.vendor.example' }];
const KEY = 'a-key-of-billing-that-is-long-enough';

describe('the list of refused calls', () => {
  const close = closing();

  it('keeps a hundred, and drops the one that was seen longest ago', () => {
    let now = 0;
    const calls = new RefusedCalls(() => (now += 1));
    for (let index = 0; index < 100; index += 1) calls.note({ kind: 'host', host: `h${index}` }, () => '');
    calls.note({ kind: 'host', host: 'h0' }, () => assert.fail('it is known'));
    calls.note({ kind: 'host', host: 'new' }, () => '');
    const hosts = calls.list().map(({ host }) => host);
    assert.equal(hosts.length, MAX_REFUSED_CALLS);
    assert.deepEqual(hosts.slice(0, 3), ['new', 'h0', 'h99']);
    assert.ok(!hosts.includes('h1'));
    assert.deepEqual(
      calls
        .list()
        .slice(1, 2)
        .map(({ count, firstAt, lastAt }) => [count, firstAt, lastAt]),
      [[2, 1, 101]],
    );
  });

  it('lets no caller push out those of another', () => {
    const calls = new RefusedCalls(() => 0);
    calls.note({ caller: 'billing', kind: 'host', host: 'wanted' }, () => '');
    for (let index = 0; index < 5_000; index += 1) calls.note({ kind: 'host', host: `h${index}` }, () => '');
    assert.equal(calls.list().length, MAX_REFUSED_CALLS);
    assert.equal(calls.list().at(-1)!.host, 'wanted');
  });

  it('is summed over workers', () => {
    const one = { kind: 'route', path: '/a', method: 'GET', patch: 'x' } as const;
    const sum = sumOfRefusedCalls([
      [{ ...one, count: 2, firstAt: 5, lastAt: 9 }],
      [
        { ...one, caller: 'billing', count: 1, firstAt: 20, lastAt: 20 },
        { ...one, count: 3, firstAt: 1, lastAt: 7 },
      ],
    ]);
    assert.deepEqual(sum, [
      { ...one, caller: 'billing', count: 1, firstAt: 20, lastAt: 20 },
      { ...one, count: 5, firstAt: 1, lastAt: 9 },
    ]);
  });

  for (const [path, shape] of [
    ['/v1/chats?key=1', '/v1/chats'],
    ['/v1/chats/812/messages', '/v1/chats/*/messages'],
    ['/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe', '/*/getMe'],
    ['/1f0e8c5a-3b52-4c1f-9d0a-6a1c2b3d4e5f', '/*'],
    ['/login_check', '/login_check'],
    ['/oauth2/token', '/oauth2/token'],
    ['/api/v2.1/S3', '/api/v2.1/S3'],
    ['/qXzRtbWmLpKv', '/*'],
    ['/user@example.com', '/*'],
    [`/${'a'.repeat(33)}`, '/*'],
    [`/${'a/'.repeat(4_000)}`, '/a/a/a/a/a/a/a/a'],
    ['/\u001b[31m/x', '/*/x'],
    ['//', '/'],
  ] as const)
    it(`shows ${JSON.stringify(path.slice(0, 50))} as ${shape}`, () => assert.equal(pathShape(path), shape));

  it('names no caller without a valid key', async () => {
    const callers = [{ name: 'billing', key: keyDigest(KEY) }];
    const proxy = await close(startForwardProxy({ callers, routes: ROUTES }));
    const wrong = { 'proxy-authorization': `Basic ${Buffer.from('billing:wrong-key-of-nobody').toString('base64')}` };
    for (const headers of [{}, wrong]) {
      await call(proxy.url, 'http://other.example/', { headers: { host: 'other.example', ...headers } });
      // Refused before the target is looked at: no call that a route would allow.
      await connectThrough(proxy, 'third.example:443', headers);
    }
    await call(proxy.url, '/nowhere', { headers: { 'x-tokenward-key': KEY } });
    await call(proxy.url, '/nowhere', { headers: { 'x-tokenward-key': `${KEY}x` } });
    await eventually('three are listed', async () => (await statusOf(proxy)).refused.length === 3);
    assert.deepEqual(
      (await statusOf(proxy)).refused.map(({ caller, host, path, count }) => [caller, host, path, count]),
      [
        [undefined, undefined, '/nowhere', 1],
        ['billing', undefined, '/nowhere', 1],
        [undefined, 'other.example', '/', 2],
      ],
    );
  });

  it('is empty while every call is allowed, and in report mode', async () => {
    const routes = [
      { prefix: '/crm', upstream: 'http://127.0.0.1:1', policy: { mode: 'report', allow: [{ path: '/v2' }] } },
    ];
    const proxy = await close(startCustomProxy({ routes }));
    assert.equal((await call(proxy.url, '/crm/v1')).status, 502);
    assert.deepEqual((await statusOf(proxy)).refused, []);
  });

  it('stays small under a flood of hosts, and writes nothing strange to a terminal', async function () {
    requireBuild(this);
    const proxy = await close(startForwardProxy({ routes: ROUTES }));
    for (let index = 0; index < 300; index += 1) await connectThrough(proxy, `h${index}.example:443`);
    for (const target of [
      'http://\u001b]0;x\u0007.example/',
      'http://x.example/%1b[31m',
      `http://${'y'.repeat(300)}.example/`,
      'http://ok.example/\u001b[31mred',
    ]) {
      const line = await dial(proxy.url);
      line.socket.write(`GET ${target} HTTP/1.1\r\nHost: x.example\r\n\r\n`);
      await line.until(/^HTTP\/1\.1 4\d\d /);
      line.socket.destroy();
    }
    const { refused } = await statusOf(proxy);
    assert.equal(refused.length, MAX_REFUSED_CALLS);
    assert.ok(JSON.stringify(refused).length < 60_000);
    const { stdout } = await run(['status', '--operator', proxy.operatorUrl]);
    assert.match(stdout, /^[\x20-\x7e\n…]*$/);
    assert.match(stdout, /CALLER +REFUSED +WHY +COUNT +LAST\n(?:- .*\n){10}… and 90 more\. With --json/);
    assert.match(stdout, /- +CONNECT h299\.example +no route has this host +1 +\S/);
    const json = JSON.parse((await run(['status', '--json', '--operator', proxy.operatorUrl])).stdout) as {
      refused: { patch: string }[];
    };
    assert.match(json.refused[0]!.patch, /host: /);
  });
});
