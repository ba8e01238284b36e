import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Outages } from '../../../src/proxy/outages.ts';
import { call } from '../../support/call.ts';
import { FakeClock } from '../../support/clock.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { recorder } from '../../support/proxy.ts';
import { closedPort } from '../../support/wire.ts';

interface Told {
  readonly level: string;
  readonly message: string;
  readonly route?: string;
  readonly upstream?: string;
  readonly reason?: string;
  readonly calls?: number;
  readonly seconds?: number;
}

function told(lines: readonly string[]): Told[] {
  return lines.map((line) => JSON.parse(line) as Told).filter(({ message }) => message.startsWith('upstream '));
}

describe('an upstream that cannot be reached', () => {
  const close = closing();

  it('has a line of warning at once, none for each call, and one when it is back', async () => {
    const upstream = await closedPort();
    const proxy = await close(
      startCustomProxy({
        routes: [
          { prefix: '/api', upstream: `${upstream}/base`, account: 'fixed' },
          { prefix: '/other', upstream, account: 'fixed' },
        ],
      }),
    );
    for (let i = 0; i < 5; i += 1) assert.equal((await call(proxy.url, '/api/a')).status, 502);
    assert.equal((await call(proxy.url, '/other/a')).status, 502);
    const { host, hostname, port } = new URL(upstream);
    const line = (route: string): Told => ({
      level: 'warn',
      message: 'upstream cannot be reached',
      route,
      upstream: host,
      reason: 'nothing listens there, or a firewall refuses the connection (ECONNREFUSED)',
      calls: 1,
    });
    assert.deepEqual(told(proxy.lines), [line('/api'), line('/other')]);

    const back = createServer((_request, response) => void response.end('fine'));
    back.listen(Number(port), hostname);
    await once(back, 'listening');
    try {
      for (let i = 0; i < 3; i += 1) assert.equal((await call(proxy.url, '/api/a')).status, 200);
      const [, , recovery, ...more] = told(proxy.lines);
      assert.deepEqual(
        [recovery?.level, recovery?.message, recovery?.route, recovery?.upstream, recovery?.calls],
        ['info', 'upstream reachable again', '/api', host, 4],
      );
      assert.deepEqual(more, []);
      assert.equal((await call(proxy.url, '/other/a')).status, 200);
      assert.equal(told(proxy.lines).at(-1)?.route, '/other');
    } finally {
      back.close();
      back.closeAllConnections();
    }
  });

  it('by a slow connection is told as well, a slow answer is not', async () => {
    const slow = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const proxy = await close(
      startCustomProxy({
        routes: [
          {
            prefix: '/api',
            upstream: `http://127.0.0.1:${(slow.address() as { port: number }).port}`,
            account: 'fixed',
            timeouts: { firstByte: '500ms' },
          },
        ],
      }),
    );
    assert.equal((await call(proxy.url, '/api/a')).status, 504);
    assert.deepEqual(told(proxy.lines), []);
    slow.close();
    slow.closeAllConnections();
  });
});

describe('the lines about an outage', () => {
  const clock = new FakeClock();
  let lines: string[];
  let outages: Outages;
  beforeEach(() => {
    lines = [];
    outages = new Outages(clock, recorder(lines));
  });
  const fail = (times: number, route = '/a'): void => {
    for (let i = 0; i < times; i += 1) outages.failed(route, 'up:80', 'why');
  };
  const short = (): string[] =>
    told(lines).map(({ level, route, calls, seconds }) =>
      [level, route, calls, ...(seconds === undefined ? [] : [seconds])].join(' '),
    );

  it('come once a minute while it lasts, and say how many calls they are about', () => {
    fail(10);
    clock.pass(59_900);
    fail(10);
    assert.deepEqual(short(), ['warn /a 1']);
    clock.pass(100);
    fail(2);
    assert.deepEqual(short(), ['warn /a 1', 'warn /a 20']);
    outages.recovered('/a');
    assert.deepEqual(short().at(-1), 'info /a 1 60');
    assert.equal(outages.active, false);
  });

  it('are no more than two a minute for one that comes and goes', () => {
    for (let i = 0; i < 590; i += 1) {
      fail(1);
      outages.recovered('/a');
      clock.pass(100);
    }
    assert.deepEqual(short(), ['warn /a 1', 'info /a 0 0']);
    clock.pass(1_000);
    fail(1);
    assert.deepEqual(short().slice(2), ['warn /a 590']);
  });

  it("are each route's own", () => {
    fail(1, '/a');
    fail(1, '/b');
    outages.recovered('/a');
    outages.recovered('/c');
    assert.deepEqual(short(), ['warn /a 1', 'warn /b 1', 'info /a 0 0']);
    assert.equal(outages.active, true);
  });
});
