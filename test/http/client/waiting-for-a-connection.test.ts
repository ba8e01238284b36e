import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { closedPort } from '../../support/wire.ts';
import { ownCode } from '../../support/world.ts';
import { OK, rawUpstream } from '../../support/raw-upstream.ts';

describe('requests beyond maxConnections', () => {
  const close = closing();

  async function stage() {
    const held: Socket[] = [];
    const upstream = await close(rawUpstream((_line, { socket }) => void held.push(socket)));
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', maxConnections: 2 }] }),
    );
    const waiting = (count: number) =>
      eventually(
        `${count} are under way`,
        async () => (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === count,
      );
    return { held, upstream, proxy, waiting };
  }

  it('wait in line and are served in order', async () => {
    const { held, upstream, proxy, waiting } = await stage();
    const answers: Promise<unknown>[] = [];
    for (let i = 0; i < 12; i += 1) {
      answers.push(call(proxy.url, `/api/${i}`));
      await waiting(i + 1);
    }
    await sleep(50);
    assert.equal(upstream.asked.length, 2);
    for (let served = 0; served < 12; served += 1) {
      await eventually('one is to be answered', () => held.length > 0);
      held.shift()!.write(OK);
    }
    await Promise.all(answers);
    assert.deepEqual(
      upstream.asked.map(({ line }) => line),
      Array.from({ length: 12 }, (_, index) => `GET /${index}`),
    );
    assert.equal(upstream.count.opened, 2);
  });

  it('are forgotten when their caller leaves, and the others move up', async () => {
    const { held, upstream, proxy, waiting } = await stage();
    const going = [call(proxy.url, '/api/0'), call(proxy.url, '/api/1')];
    await eventually('two are there', () => held.length === 2);
    const aborts = Array.from({ length: 5 }, () => new AbortController());
    const leaving = aborts.map(({ signal }, index) =>
      call(proxy.url, `/api/left/${index}`, { signal, method: 'POST', body: 'x' }),
    );
    await waiting(7);
    const last = call(proxy.url, '/api/last');
    await waiting(8);
    for (const abort of aborts) abort.abort();
    assert.ok((await Promise.allSettled(leaving)).every(({ status }) => status === 'rejected'));
    await waiting(3);
    for (const socket of held.splice(0)) socket.write(OK);
    await eventually('the last one is there', () => held.length === 1);
    held[0]!.write(OK);
    assert.deepEqual(
      (await Promise.all([...going, last])).map(({ status }) => status),
      [200, 200, 200],
    );
    assert.deepEqual(
      upstream.asked.map(({ line }) => line),
      ['GET /0', 'GET /1', 'GET /last'],
    );
  });

  it('get a new connection when one breaks', async () => {
    const { held, upstream, proxy } = await stage();
    const broken = Array.from({ length: 2 }, () => call(proxy.url, '/api/broken', { method: 'POST', body: 'x' }));
    await eventually('two are there', () => held.length === 2);
    const next = Array.from({ length: 4 }, () => call(proxy.url, '/api/next'));
    await sleep(50);
    for (const socket of held.splice(0)) socket.resetAndDestroy();
    for (const answer of await Promise.all(broken)) assert.equal(ownCode(answer), 'upstream_broken');
    for (let served = 0; served < 4; served += 1) {
      await eventually('one is to be answered', () => held.length > 0);
      held.shift()!.write(OK);
    }
    assert.ok((await Promise.all(next)).every(({ status }) => status === 200));
    assert.equal(upstream.count.opened, 4);
  });

  it('are all told when there is no upstream', async () => {
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: await closedPort(), maxConnections: 2 }] }),
    );
    const answers = await Promise.all(Array.from({ length: 50 }, () => call(proxy.url, '/api/a')));
    for (const answer of answers) assert.equal(ownCode(answer), 'upstream_unreachable');
  });
});
