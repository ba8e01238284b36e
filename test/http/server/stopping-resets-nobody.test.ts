import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import { freshFolder, writeConfig } from '../../support/files.ts';
import { closing } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { serve, type Served } from '../../support/process.ts';
import type { ConfigObject } from '../../support/proxy.ts';
import { requireBuild } from '../../support/tools.ts';
import { dial } from '../../support/wire.ts';

const CALLERS = 8;

describe('callers who keep their connection to a tokenward that is told to stop', function () {
  this.timeout(120_000);
  const folder = freshFolder();
  const close = closing();
  let proxy: Served | undefined;
  afterEach(async () => {
    await proxy?.end('SIGKILL');
    proxy = undefined;
  });

  async function start(upstream: string, change: ConfigObject = {}): Promise<Served> {
    proxy = await serve([
      '-c',
      writeConfig(folder(), {
        listen: { host: '127.0.0.1', port: 0 },
        operator: { host: '127.0.0.1', port: 0 },
        store: { type: 'embedded', path: join(folder(), 'store') },
        accounts: { fixed: { flow: 'static', credentials: { token: 'fixed' } } },
        routes: [{ prefix: '/api', upstream, account: 'fixed' }],
        ...change,
      }),
    ]);
    return proxy;
  }

  /** Posts one after the other on a kept connection until nobody listens any more; gives what each came to. */
  async function poster(url: string, number: number): Promise<string[]> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { hostname, port } = new URL(url);
    const saw: string[] = [];
    for (let index = 0; saw.at(-1) !== 'ECONNREFUSED' && saw.length < 10_000; index += 1) {
      saw.push(
        await new Promise((resolve) => {
          const outgoing = request(
            {
              host: hostname,
              port,
              path: '/api/pay',
              method: 'POST',
              agent,
              headers: { 'Content-Type': 'text/plain' },
            },
            (incoming) => {
              incoming.on('error', () => resolve('cut'));
              incoming.on('end', () => resolve(String(incoming.statusCode)));
              incoming.resume();
            },
          );
          outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
          outgoing.end(`${number}/${index}`);
        }),
      );
      await sleep(5);
    }
    agent.destroy();
    return saw;
  }

  const kinds: [string, NodeJS.Signals, ConfigObject, runs?: number][] = [
    ['SIGTERM', 'SIGTERM', {}, 5],
    ['SIGINT', 'SIGINT', {}],
    ['SIGTERM, with a delay for load balancers', 'SIGTERM', { shutdown: { delay: '700ms' } }],
    ['SIGTERM to several workers', 'SIGTERM', { workers: 2 }],
  ];
  for (const [kind, signal, change, runs = 3] of kinds) {
    it(`by ${kind}: nobody's POST is reset, and each that was carried out is answered`, async function () {
      requireBuild(this);
      for (let run = 1; run <= runs; run += 1) {
        const upstream = await close(fakeUpstream());
        const running = await start(upstream.url, change);
        const posters = Array.from({ length: CALLERS }, (_, number) => poster(running.url, number));
        await eventually('all of them post', () => upstream.seen.length > 20 * CALLERS);
        await sleep(Math.random() * 20);
        assert.equal(await running.end(signal), 0);
        const saw = (await Promise.all(posters)).flat();
        const counts = Object.fromEntries(
          [...new Set(saw)].map((what) => [what, saw.filter((one) => one === what).length]),
        );
        assert.deepEqual(counts, { '200': upstream.seen.length, ECONNREFUSED: CALLERS }, `run ${run}`);
      }
    });
  }

  it('and whose request comes in parts: it is answered', async function () {
    requireBuild(this);
    const upstream = await close(fakeUpstream());
    const running = await start(upstream.url);
    const [head, body] = await Promise.all([dial(running.url), dial(running.url)]);
    head.socket.write('GET /api/a HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ');
    body.socket.write('POST /api/b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\nha');
    await sleep(300);
    const ended = running.end();
    await sleep(1_500);
    head.socket.write('yes\r\n\r\n');
    body.socket.write('lf');
    // Node 24 closes a connection with half a head on it when its server closes: nothing was carried out, and the
    // caller may send again.
    const answered = await head.closed();
    if (answered !== '' || Number(process.versions.node.split('.')[0]) < 24)
      assert.match(answered, /^HTTP\/1\.1 200 .*\r\nConnection: close\r\n/is);
    assert.match(await body.closed(), /^HTTP\/1\.1 200 .*\r\nConnection: close\r\n/is);
    assert.equal(await ended, 0);
  });
});
