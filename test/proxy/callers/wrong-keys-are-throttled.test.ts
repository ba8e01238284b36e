import assert from 'node:assert/strict';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { call, metric, type Answer } from '../../support/call.ts';
import { FakeClock } from '../../support/clock.ts';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { httpServer } from '../../support/wire.ts';
import { ownCode } from '../../support/world.ts';
import { AUDIENCE, ISSUER, signingKey } from './jwt-makers.ts';

const KEY = 'kEy-of-the-batch-job-2b1f60';

describe('who tries keys', () => {
  const close = closing();

  async function stage() {
    const clock = new FakeClock();
    const known = await signingKey('one');
    let release!: () => void;
    const keys = await close(
      httpServer((_request, response) => {
        release = () => response.end(JSON.stringify({ keys: [known.jwk] }));
      }),
    );
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy(
        {
          callers: [{ name: 'batch', key: keyDigest(KEY) }],
          jwt: { issuer: ISSUER, audience: AUDIENCE, jwks: keys.url },
          routes: [{ prefix: '/', upstream: upstream.url, account: 'fixed' }],
        },
        { clock },
      ),
    );
    const ask = (key: string | undefined, from: string): Promise<Answer> =>
      call(proxy.url, '/a', { from, headers: { ...(key !== undefined && { 'x-tokenward-key': key }) } });
    return { clock, upstream, proxy, ask, release: () => release() };
  }

  it('is not listened to for 30 s after 20 wrong ones in a row; who has a right one is all the time', async () => {
    const { clock, upstream, proxy, ask } = await stage();
    for (let i = 0; i < 20; i += 1) assert.equal(ownCode(await ask(`guess-${i}`, '127.0.0.2')), 'caller_key_unknown');
    for (const key of ['guess', undefined]) {
      const answer = await ask(key, '127.0.0.2');
      assert.deepEqual(
        [answer.status, ownCode(answer), answer.headers['retry-after']],
        [429, 'too_many_wrong_keys', '30'],
      );
    }
    assert.equal(upstream.seen.length, 0);
    for (const from of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) assert.equal((await ask(KEY, from)).status, 200);
    clock.pass(29_000);
    const still = await ask('guess', '127.0.0.2');
    assert.deepEqual([still.status, still.headers['retry-after']], [429, '1']);
    clock.pass(1_001);
    assert.equal((await ask(KEY, '127.0.0.2')).status, 200);
    // And it begins anew.
    for (let i = 0; i < 20; i += 1) assert.equal((await ask('guess', '127.0.0.2')).status, 403);
    assert.equal((await ask('guess', '127.0.0.2')).status, 429);
    assert.equal((await ask(KEY, '127.0.0.2')).status, 200);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_errors_total', { reason: 'caller_key_unknown' }), 40);
  });

  it('has the count forgotten by a right one; showing none is not guessing', async () => {
    const { ask } = await stage();
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 19; i += 1) assert.equal((await ask('guess', '127.0.0.2')).status, 403);
      assert.equal((await ask(KEY, '127.0.0.2')).status, 200);
    }
    for (let i = 0; i < 30; i += 1) assert.equal((await ask(undefined, '127.0.0.2')).status, 401);
    assert.equal((await ask(KEY, '127.0.0.2')).status, 200);
  });

  it('cannot get round it by trying forged tokens, many at a time', async () => {
    const { ask, upstream, proxy, release } = await stage();
    const forged = await (await signingKey('one')).token();
    // All of them are being checked before the first is found wanting.
    const tries = Array.from({ length: 45 }, () => ask(forged, '127.0.0.2'));
    await eventually(
      'all have arrived',
      async () => (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 45,
    );
    release();
    for (const answer of await Promise.all(tries)) assert.equal(answer.status, 403);
    assert.equal((await ask(forged, '127.0.0.2')).status, 429);
    assert.equal((await ask('guess', '127.0.0.2')).status, 429);
    for (const from of ['127.0.0.1', '127.0.0.2']) assert.equal((await ask(KEY, from)).status, 200);
    assert.equal(upstream.seen.length, 2);
  });
});
