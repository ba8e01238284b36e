import assert from 'node:assert/strict';
import { call, type Answer } from '../../support/call.ts';
import { operator } from '../../support/operator.ts';
import { FIXED_TOKEN, closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial, freePort } from '../../support/wire.ts';
import { headerValues } from '../../support/world.ts';

/**
 * The error of the tokenward behind the first one: to that it is an upstream, whose X-Tokenward-Error does not pass.
 */
function codeOf(answer: Answer): unknown {
  assert.equal(answer.headers['x-tokenward-error'], undefined);
  return (answer.json() as { code: unknown }).code;
}

describe('a request that comes back', () => {
  const close = closing();

  it('is refused the second time: 508, and not a third', async () => {
    const port = await freePort();
    const proxy = await close(
      startCustomProxy({
        listen: { port },
        routes: [
          { prefix: '/loop', upstream: `http://127.0.0.1:${port}/loop`, account: 'fixed' },
          { prefix: '/long', upstream: `http://127.0.0.1:${port}/loop` },
        ],
      }),
    );
    for (const target of ['/loop/a', '/long/a']) {
      const answer = await call(proxy.url, target);
      assert.deepEqual([answer.status, codeOf(answer)], [508, 'loop_detected']);
    }
    await operator(proxy)
      .get('/metrics')
      .expect(200)
      .expect(/^tokenward_errors_total\{route="unmatched",reason="loop_detected"\} 2$/m);
  });

  it('by way of another tokenward is refused too', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const one = await close(
      startCustomProxy({ listen: { port: first }, routes: [{ prefix: '/', upstream: `http://127.0.0.1:${second}` }] }),
    );
    await close(
      startCustomProxy({ listen: { port: second }, routes: [{ prefix: '/', upstream: `http://127.0.0.1:${first}` }] }),
    );
    assert.equal(codeOf(await call(one.url, '/a')), 'loop_detected');
  });

  it('is not mistaken for one that has met other forwarders, or another tokenward', async () => {
    const upstream = await close(fakeUpstream());
    const inner = await close(startCustomProxy({ routes: [{ prefix: '/', upstream: upstream.url }] }));
    const outer = await close(startCustomProxy({ routes: [{ prefix: '/', upstream: inner.url }] }));
    assert.equal(
      (await call(outer.url, '/a', { headers: { via: '1.1 varnish, 1.0 tokenward-000000000000' } })).status,
      200,
    );
    assert.equal(upstream.seen.length, 1);
  });
});

describe("a host of the caller's choice", () => {
  const close = closing();

  it("has no effect: the upstream is the route's", async () => {
    const [upstream, evil] = [await close(fakeUpstream()), await close(fakeUpstream())];
    const proxy = await close(
      startCustomProxy({
        routes: [
          { prefix: '/api', upstream: upstream.url, account: 'fixed' },
          { prefix: '/pass', upstream: upstream.url, account: 'fixed', forwarded: 'pass' },
        ],
      }),
    );
    const host = new URL(evil.url).host;
    for (const target of ['/api/a', '/pass/a', `/api/${evil.url}`, `/api/@${host}/`, `/api/a?url=${evil.url}`]) {
      const answer = await call(proxy.url, target, {
        headers: { host, 'x-forwarded-host': host, 'x-host': host, 'x-original-host': host, forwarded: `host=${host}` },
      });
      assert.equal(answer.status, 200, target);
    }
    assert.equal(upstream.seen.length, 5);
    for (const { rawHeaders } of upstream.seen)
      assert.deepEqual(
        [headerValues(rawHeaders, 'host'), headerValues(rawHeaders, 'authorization')],
        [[new URL(upstream.url).host], [`Bearer ${FIXED_TOKEN}`]],
      );
    for (const head of [
      `GET ${evil.url}/api/a HTTP/1.1\r\nHost: proxy`,
      `GET ${upstream.url}/api/a HTTP/1.1\r\nHost: proxy`,
      `CONNECT ${host} HTTP/1.1\r\nHost: ${host}`,
      `GET //${host}/api/a HTTP/1.1\r\nHost: proxy`,
      `GET @${host}/api/a HTTP/1.1\r\nHost: proxy`,
      `GET ${host} HTTP/1.1\r\nHost: proxy`,
    ]) {
      const line = await dial(proxy.url);
      line.socket.write(`${head}\r\n\r\n`);
      assert.doesNotMatch(await line.closed(), /^HTTP\/1\.1 2/, head);
    }
    assert.equal(upstream.seen.length, 5);
    // A whole URL and a Host that agree are no more than a Host alone.
    const line = await dial(proxy.url);
    line.socket.write(`GET ${evil.url}/api/a HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.match(await line.closed(), /^HTTP\/1\.1 200/);
    assert.equal(upstream.seen.length, 6);
    assert.equal(evil.seen.length, 0);
  });
});
