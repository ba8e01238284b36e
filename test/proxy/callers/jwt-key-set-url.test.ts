import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JWK } from 'jose';
import { call, metric, type Answer } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { closedPort, dial, httpServer } from '../../support/wire.ts';
import { ownCode } from '../../support/world.ts';
import { AUDIENCE, BACKEND, ISSUER, signingKey } from './jwt-makers.ts';

describe('callers with a JWT, checked against a key set at a URL', () => {
  const close = closing();

  async function stage(answer: ((response: ServerResponse) => void) | string) {
    const fetched: string[] = [];
    const url =
      typeof answer === 'string'
        ? answer
        : (
            await close(
              httpServer((request, response) => {
                fetched.push(request.url ?? '');
                answer(response);
              }),
            )
          ).url;
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        jwt: { issuer: ISSUER, audience: AUDIENCE, jwks: `${url}/openid/v1/jwks` },
        callers: [{ name: 'backend', jwt: BACKEND }],
        routes: [
          { prefix: '/shop', upstream: upstream.url, account: 'fixed' },
          { prefix: '/little', upstream: upstream.url, account: 'fixed', maxReplayBody: 1_000 },
        ],
      }),
    );
    const ask = (token: string): Promise<Answer> =>
      call(proxy.url, '/shop/a', { headers: { authorization: `Bearer ${token}` } });
    return { fetched, upstream, proxy, ask };
  }

  it('fetch it once, not for every request', async () => {
    const key = await signingKey('one');
    const { fetched, upstream, ask } = await stage((response) => response.end(JSON.stringify({ keys: [key.jwk] })));
    const token = await key.token();
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(token)));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(upstream.seen.length, 50);
    assert.deepEqual(fetched, ['/openid/v1/jwks']);
  });

  it('are let in with a new key soon after the issuer has changed to it, without many fetches for unknown ones', async function () {
    this.timeout(30_000);
    const [old, next, stranger] = await Promise.all([signingKey('old'), signingKey('next'), signingKey('stranger')]);
    let keys: JWK[] = [old.jwk];
    const { fetched, ask } = await stage((response) => response.end(JSON.stringify({ keys })));
    assert.equal((await ask(await old.token())).status, 200);
    keys = [next.jwk];
    const unknown = await stranger.token();
    for (let i = 0; i < 10; i += 1) assert.equal(ownCode(await ask(unknown)), 'caller_key_unknown');
    assert.equal(fetched.length, 1);
    await sleep(5_200);
    assert.equal((await ask(await next.token())).status, 200);
    assert.equal(fetched.length, 2);
    // A key that is not in the set any more is worth nothing.
    assert.equal(ownCode(await ask(await old.token())), 'caller_key_unknown');
    assert.equal(fetched.length, 2);
  });

  it('are told 503, not 403, while the key set cannot be had, and it counts against nobody', async () => {
    const key = await signingKey('one');
    const token = await key.token();
    let up = false;
    const troubles: Record<string, string | ((response: ServerResponse) => void)> = {
      'nobody listens': await closedPort(),
      'an error': (response) => void response.writeHead(500).end('{"keys":[]}'),
      'a redirect': (response) => void response.writeHead(302, { location: 'http://127.0.0.1:9/keys' }).end(),
      'no JSON': (response) => void response.end('<html>'),
      'no key set': (response) => void response.end('{"error":"no"}'),
      'a cut answer': (response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('{"keys":[');
        setTimeout(() => response.destroy(), 20);
      },
      'an error for a while': (response) =>
        void (up ? response.end(JSON.stringify({ keys: [key.jwk] })) : response.writeHead(503).end()),
    };
    for (const [trouble, answer] of Object.entries(troubles)) {
      const { upstream, proxy, ask } = await stage(answer);
      for (let i = 0; i < 25; i += 1) {
        const refused = await ask(token);
        assert.deepEqual(
          [refused.status, ownCode(refused), refused.headers['retry-after']],
          [503, 'caller_check_failed', '5'],
          trouble,
        );
      }
      assert.equal(upstream.seen.length, 0);
      assert.doesNotMatch(proxy.lines.join('\n'), /unexpected fault/);
      if (trouble !== 'an error for a while') continue;
      up = true;
      assert.equal((await ask(token)).status, 200);
    }
  });

  it('do not wait for ever for a key set that does not come', async function () {
    this.timeout(20_000);
    const key = await signingKey('one');
    const { ask } = await stage(() => undefined);
    assert.equal(ownCode(await ask(await key.token())), 'caller_check_failed');
  });

  for (const [size, how] of [
    [1, 'a byte'],
    [1_000, 'a kibibyte'],
    [300_000, 'more than a stream holds'],
    [3_000_000, 'more than is kept'],
  ] as const) {
    for (const framing of ['with a length', 'chunked'] as const) {
      it(`may have sent their body, ${how}, ${framing}, before the key set is there: it arrives whole`, async () => {
        const key = await signingKey('one');
        const { upstream, proxy } = await stage(
          (response) => void setTimeout(() => response.end(JSON.stringify({ keys: [key.jwk] })), 200),
        );
        const body = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz');
        const headers: Record<string, string> = { authorization: `Bearer ${await key.token()}` };
        const stream = new ReadableStream({
          start(controller) {
            for (let at = 0; at < size; at += 50_000) controller.enqueue(body.subarray(at, at + 50_000));
            controller.close();
          },
        });
        const sent: RequestInit & { duplex?: 'half' } =
          framing === 'chunked' ? { body: stream, duplex: 'half' } : { body };
        const answer = await fetch(`${proxy.url}/shop/a`, { method: 'POST', headers, ...sent });
        assert.equal(answer.status, 200);
        assert.equal(upstream.seen[0]?.body, body.toString());
        assert.equal(await metric(proxy.operatorUrl, 'tokenward_buffered_bytes'), 0);
      });
    }
  }

  it('may have sent all of a chunked body that is too large to keep: its end is not missed', async () => {
    const key = await signingKey('one');
    const { upstream, proxy } = await stage(
      (response) => void setTimeout(() => response.end(JSON.stringify({ keys: [key.jwk] })), 200),
    );
    const body = 'abcdefghij'.repeat(1_000);
    const line = await dial(proxy.url);
    line.socket.write(
      `POST /little/a HTTP/1.1\r\nHost: proxy\r\nAuthorization: Bearer ${await key.token()}\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    await line.until(/^HTTP\/1\.1 200 /);
    line.socket.destroy();
    assert.equal(upstream.seen[0]?.body, body);
  });

  it('who leave meanwhile are forgotten: their request does not go out when the key set is there', async () => {
    const key = await signingKey('one');
    let answer: (() => void) | undefined;
    const { upstream, proxy, ask } = await stage((response) => {
      answer = () => response.end(JSON.stringify({ keys: [key.jwk] }));
    });
    const token = await key.token();
    const abort = new AbortController();
    const left = Promise.allSettled([
      call(proxy.url, '/shop/left', { headers: { authorization: `Bearer ${token}` }, signal: abort.signal }),
      call(proxy.url, '/shop/left', {
        method: 'POST',
        body: 'x'.repeat(1_000),
        headers: { authorization: `Bearer ${token}` },
        signal: abort.signal,
      }),
    ]);
    const stays = ask(token);
    await eventually(
      'all three wait',
      async () => (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 3,
    );
    abort.abort();
    assert.deepEqual(
      (await left).map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    await eventually(
      'two have left',
      async () => (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 1,
    );
    answer!();
    assert.equal((await stays).status, 200);
    await sleep(50);
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      ['/a'],
    );
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_buffered_bytes'), 0);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'), 0);
  });
});
