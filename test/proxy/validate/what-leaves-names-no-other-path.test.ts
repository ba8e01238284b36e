import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

/** Paths that climb, or hold a slash or a control byte, for who decodes more than once or knows overlong UTF-8. */
const DEEPER = [
  '/%252e%252e/x',
  '/%25252e%25252e/x',
  '/a%252Fb',
  '/a%255cb',
  '/a%25252fb',
  '/%25%32%65%25%32%65/x',
  '/a%2500',
  '/a%250d%250ab',
  '/a%257f',
  '/%c0%ae%c0%ae/x',
  '/%C0%AE./x',
  '/a%c0%afb',
  '/a%c1%9cb',
  '/%e0%80%ae%e0%80%ae/x',
  '/a%f0%80%80%afb',
  '/a%f8%80%80%80%afb',
  '/a%fc%80%80%80%80%afb',
  '/%25c0%25ae/x',
  '/%c0%25ae/x',
  `/a${'%25'.repeat(1)}${'25'.repeat(30)}2e`,
];
const HARMLESS = [
  '/100%25',
  '/100%2525',
  '/a%2520b',
  '/%2541',
  '/50%25off',
  '/%D0%98%D0%B2%D0%B0%D0%BD',
  '/%F0%9F%98%80',
  '/%E0%A4%95',
  '/%E2%82%AC',
  // windows-1251, in which A and B are C0 and C1.
  '/%C0%ED%ED%E0',
  '/%C1%EE%F0%E8%F1',
  '/%E0%EF%F0%E5%EB%FC',
  '/a//b',
  '/a///',
  '/a?q=%252e%252e%252f%c0%ae',
];

describe('the path that leaves', () => {
  const close = closing();

  async function stage(base: string, route: object = {}) {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        routes: [{ prefix: '/api', upstream: `${upstream.url}${base}`, account: 'fixed', ...route }],
      }),
    );
    return { upstream, proxy };
  }

  it('is none that another decoding leads elsewhere: such a request is refused', async () => {
    const { upstream, proxy } = await stage('/base');
    for (const target of DEEPER) {
      const answer = await call(proxy.url, `/api${target}`);
      assert.equal(ownCode(answer), 'request_target_refused', target);
      assert.match(
        (answer.json() as { detail: string }).detail,
        /route \/api would forward it with encodedPaths: pass$/,
      );
    }
    assert.equal(upstream.seen.length, 0);
  });

  it('is what came where there is nothing of the kind', async () => {
    const { upstream, proxy } = await stage('/base');
    for (const target of HARMLESS) assert.equal((await call(proxy.url, `/api${target}`)).status, 200, target);
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      HARMLESS.map((target) => `/base${target}`),
    );
  });

  it('begins with one slash: more would name another host', async () => {
    const { upstream, proxy } = await stage('');
    for (const target of ['//evil.example/x', '///x', '//', '//v1/order?x=1']) {
      const answer = await call(proxy.url, `/api${target}`);
      assert.equal(ownCode(answer), 'request_target_refused', target);
      assert.match(
        (answer.json() as { detail: string }).detail,
        /two slashes; route \/api would forward it with encodedPaths: pass$/,
      );
    }
    assert.equal(upstream.seen.length, 0);
  });

  it("may have two behind the path of the upstream's own URL, and in its midst", async () => {
    const { upstream, proxy } = await stage('/base');
    for (const target of ['//x', '/a//b//']) assert.equal((await call(proxy.url, `/api${target}`)).status, 200, target);
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      ['/base//x', '/base/a//b//'],
    );
  });

  it('is whatever came on a route that says so', async () => {
    const { upstream, proxy } = await stage('', { encodedPaths: 'pass' });
    const targets = [...DEEPER, '//v1/order'];
    for (const target of targets) assert.equal((await call(proxy.url, `/api${target}`)).status, 200, target);
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      targets,
    );
  });
});

describe('what RFC 3986 has no place for in a path', () => {
  const close = closing();

  it('is refused there, and told; in a query it passes as it is', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', encodedPaths: 'pass' }],
      }),
    );
    for (const letter of '|^[]{}"<>\\`') {
      const answer = await call(proxy.url, `/api/a${letter}b`);
      assert.equal(ownCode(answer), 'request_target_refused', letter);
      const { detail } = answer.json() as { detail: string };
      assert.equal(detail, `a ${letter} in the path must be percent-encoded; in a query it is allowed`);
      assert.equal((await call(proxy.url, `/api/a?a[]=1&b=${letter}`)).status, 200, letter);
    }
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      Array.from('|^[]{}"<>\\`', (letter) => `/a?a[]=1&b=${letter}`),
    );
  });
});
