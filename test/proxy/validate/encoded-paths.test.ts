import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

const STRUCTURE = [
  '/a%2fb',
  '/a%2Fb',
  '/a%5cb',
  '/a%5Cb',
  '/a%2eb',
  '/v1%2e0/%2ehidden',
  '/a%2f...%2fb',
  '/files/2024%2F05%2Freport.pdf?x=%2f',
];

describe('paths with encoded slashes or dots', () => {
  const close = closing();

  async function stage(route: object) {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: `${upstream.url}/base`, account: 'fixed', ...route }] }),
    );
    return { upstream, proxy };
  }

  it('are refused, and nothing goes out', async () => {
    const { upstream, proxy } = await stage({});
    for (const target of STRUCTURE)
      assert.equal(ownCode(await call(proxy.url, `/api${target}`)), 'request_target_refused', target);
    assert.equal(upstream.seen.length, 0);
    assert.equal((await call(proxy.url, '/api/a?path=%2f..%2e%5c')).status, 200);
  });

  it('pass byte for byte on a route that says so', async () => {
    const { upstream, proxy } = await stage({ encodedPaths: 'pass' });
    for (const target of STRUCTURE) assert.equal((await call(proxy.url, `/api${target}`)).status, 200, target);
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      STRUCTURE.map((target) => `/base${target}`),
    );
  });

  it('are refused there too if they hold control bytes, broken encodings or real dot segments', async () => {
    const { upstream, proxy } = await stage({ encodedPaths: 'pass' });
    for (const target of ['/a%00b', '/a%0d%0ab', '/a%7f', '/a%2', '/a%zz', '/a/../b', '/./a', '/a/..;x/b', '/..'])
      assert.equal(ownCode(await call(proxy.url, `/api${target}`)), 'request_target_refused', target);
    assert.equal(upstream.seen.length, 0);
  });

  it('are refused on every route if they climb once decoded', async () => {
    const { upstream, proxy } = await stage({ encodedPaths: 'pass' });
    for (const target of [
      '/%2e%2e/b',
      '/a/%2E%2e',
      '/.%2e/b',
      '/a/%2e',
      '/x%2f..%2fb',
      '/x%5c..%5cb',
      '/x/..%2fb',
      '/%2e%2e;v=1/b',
    ])
      assert.equal(ownCode(await call(proxy.url, `/api${target}`)), 'request_target_refused', target);
    assert.equal(upstream.seen.length, 0);
  });

  it('do not lead to another route', async () => {
    const { upstream, proxy } = await stage({ encodedPaths: 'pass' });
    for (const target of ['/%61pi/a', '/api%2fa', '/x%2fapi/a'])
      assert.equal(ownCode(await call(proxy.url, target)), 'route_unknown', target);
    assert.equal(upstream.seen.length, 0);
  });
});
