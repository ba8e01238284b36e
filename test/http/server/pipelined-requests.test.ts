import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: proxy\r\n\r\n`;
const post = (path: string, body: string, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: proxy\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;

describe('requests sent one behind the other on a connection', () => {
  const close = closing();

  async function stage(
    answer?: Parameters<typeof fakeUpstream>[0],
    config: Parameters<typeof startCustomProxy>[0] = {},
  ) {
    const upstream = await close(fakeUpstream(answer));
    const proxy = await close(
      startCustomProxy({
        routes: [
          { prefix: '/api', upstream: upstream.url, account: 'fixed' },
          { prefix: '/small', upstream: upstream.url, account: 'fixed', maxBody: 1_000 },
        ],
        ...config,
      }),
    );
    const counts = async (): Promise<number[]> => [
      await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'),
      await metric(proxy.operatorUrl, 'tokenward_buffered_bytes'),
    ];
    return { upstream, proxy, counts };
  }

  it('are all over when their caller leaves: no place, no byte and no upstream request stays taken', async () => {
    const { proxy, counts } = await stage(() => undefined);
    for (const ahead of [
      get('/api/a') + get('/api/b') + post('/api/c', 'x'.repeat(10_000)),
      `${get('/api/a')}|${get('/api/b')}${post('/api/c', 'x'.repeat(10_000))}`,
    ]) {
      const line = await dial(proxy.url);
      for (const piece of ahead.split('|')) {
        line.socket.write(piece);
        await sleep(100);
      }
      assert.notDeepEqual(await counts(), [0, 0]);
      line.socket.destroy();
      await eventually('nothing is under way', async () => (await counts()).every((count) => count === 0));
    }
  });

  it('do not lock anybody out behind one that is refused, however many they are', async () => {
    const { proxy, counts } = await stage(undefined, { limits: { inFlight: 50 } });
    const line = await dial(proxy.url);
    line.socket.write(get('/api/../x') + get('/api/a').repeat(200));
    assert.equal((await line.closed()).match(/HTTP\/1\.1 /g)?.length, 1);
    await eventually('nothing is under way', async () => (await counts()).every((count) => count === 0));
    assert.equal((await fetch(`${proxy.url}/api/fine`)).status, 200);
  });

  const NEXT = post('/api/pay', 'x');
  for (const [what, first] of [
    [
      'with a look-alike of a length, so that the next may be its body',
      `POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent_Length: ${NEXT.length}\r\n\r\n`,
    ],
    ['with a path that climbs', get('/api/../x')],
    ['with an encoded slash', get('/api/a%2fb')],
    ['with an expectation nobody knows', post('/api/a', 'b', 'Expect: a-miracle\r\n')],
    ['with an upgrade', `GET /api/a HTTP/1.1\r\nHost: proxy\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`],
    [
      'with a body too large',
      `POST /small/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 100000\r\n\r\n${'b'.repeat(100_000)}`,
    ],
  ] as const) {
    it(`are not carried out behind one ${what}, where its answer closes the connection`, async () => {
      const { upstream, proxy } = await stage(undefined);
      await fetch(`${proxy.url}/api/warm`);
      upstream.seen.length = 0;
      for (const gap of [0, 20]) {
        const line = await dial(proxy.url);
        line.socket.write(first);
        if (gap > 0) await sleep(gap);
        line.socket.write(NEXT);
        const closes = /^connection: close/im.test(
          await Promise.race([line.closed(), sleep(1_000).then(() => line.received())]),
        );
        line.socket.destroy();
        await sleep(50);
        assert.deepEqual(
          upstream.seen.map(({ target }) => target),
          closes ? [] : ['/pay'],
        );
        upstream.seen.length = 0;
      }
    });
  }
});
