import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { fakeUpstream, type FakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { MAIN } from '../support/process.ts';
import { answerOf } from '../support/starting.ts';
import { startManager, type Manager } from '../support/systemd.ts';
import { requireBuild, requireTool } from '../support/tools.ts';
import { freePort } from '../support/wire.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

describe('socket activation', function () {
  this.timeout(180_000);
  const folder = freshFolder();
  let python: string;
  let upstream: FakeUpstream;
  let manager: Manager | undefined;
  const running = new Set<number>();

  before(async function () {
    requireBuild(this);
    python = requireTool(this, 'python3');
    upstream = await fakeUpstream();
  });
  after(() => upstream?.close());
  afterEach(() => {
    for (const pid of running) process.kill(pid, 'SIGKILL');
    running.clear();
    manager?.close();
  });

  const log = (): string => join(folder(), 'log');
  const logged = (): string => (existsSync(log()) ? readFileSync(log(), 'utf8') : '');

  function configOf(more: object): string {
    return writeConfig(folder(), {
      store: { type: 'embedded', path: join(folder(), 'store') },
      accounts: { fixed: { flow: 'static', credentials: { token: 'a-fixed-token' } } },
      routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
      ...more,
    });
  }

  async function start(file: string): Promise<number> {
    const pid = await manager!.start([process.execPath, MAIN, 'serve', '-c', file], log());
    running.add(pid);
    return pid;
  }

  async function ended(pid: number): Promise<number> {
    const code = await manager!.ended(pid);
    running.delete(pid);
    return code;
  }

  for (const workers of [1, 2]) {
    it(`with ${workers} process(es): restarts under load refuse and lose no request`, async () => {
      manager = await startManager(python, [LOOPBACK, LOOPBACK]);
      const [port, operator] = manager.ports as [number, number];
      const file = configOf({
        workers,
        listen: { host: '127.0.0.1', port },
        operator: { host: '127.0.0.1', port: operator },
      });
      let pid = await start(file);
      const load = { done: false, sent: 0, failures: [] as string[] };
      const callers = Array.from({ length: 4 }, async () => {
        while (!load.done) {
          const result = await freshCall(port);
          load.sent += 1;
          if (result !== '200 fine') load.failures.push(result);
          await sleep(20);
        }
      });
      await eventually(
        'it is up',
        async () => (await answerOf(`http://127.0.0.1:${operator}/readyz`))?.status === 200,
        60_000,
      );
      for (let round = 0; round < 2; round += 1) {
        const before = load.sent;
        await eventually('it serves', () => load.sent > before + 20, 60_000);
        process.kill(pid, 'SIGTERM');
        assert.equal(await ended(pid), 0, logged());
        // Callers wait in the kernel's queue for the next process.
        await sleep(300);
        pid = await start(file);
      }
      const before = load.sent;
      await eventually('it serves again', () => load.sent > before + 20, 60_000);
      load.done = true;
      await Promise.all(callers);
      assert.deepEqual(load.failures, []);
      assert.ok(load.sent > 60, String(load.sent));
      assert.equal(upstream.seen.length, load.sent, 'one request was sent twice, or not at all');
      upstream.seen.length = 0;
      process.kill(pid, 'SIGTERM');
      assert.equal(await ended(pid), 0, logged());
    });
  }

  it('takes a Unix socket too, and leaves its file', async () => {
    const path = join(folder(), 'proxy.sock');
    manager = await startManager(python, [{ path }]);
    const pid = await start(configOf({ listen: { socket: path }, operator: { host: '127.0.0.1', port: 0 } }));
    await eventually('it is up', () => logged().includes('tokenward is up'), 60_000);
    assert.equal(await freshCall(path), '200 fine');
    process.kill(pid, 'SIGTERM');
    assert.equal(await ended(pid), 0, logged());
    assert.ok(existsSync(path));
  });

  for (const [what, where, listen, says] of [
    ['that nothing is configured for', LOOPBACK, { port: 1 }, /passes a socket on 127\.0\.0\.1:\d+, for which nothing/],
    [
      'that other hosts can reach, for a listener that they cannot',
      { host: '0.0.0.0', port: 0 },
      {},
      /other hosts can reach/,
    ],
    [
      'on all addresses, for a listener on one',
      { host: '0.0.0.0', port: 0 },
      { host: '192.0.2.1' },
      /Cannot listen on 192\.0\.2\.1:\d+ \(proxy\).* 0\.0\.0\.0:\d+, which other hosts can reach/,
    ],
  ] as const)
    it(`refuses a socket ${what}`, async () => {
      manager = await startManager(python, [where]);
      const pid = await start(
        configOf({
          listen: { host: '127.0.0.1', port: manager.ports[0], ...listen },
          operator: { host: '127.0.0.1', port: 0 },
          allowAnonymous: true,
        }),
      );
      assert.equal(await ended(pid), 1);
      assert.match(logged(), says);
    });

  it('gives each listener the socket at its own address, also where two have one port', async () => {
    const port = await freePort();
    manager = await startManager(python, [
      { host: '127.0.0.2', port },
      { host: '127.0.0.1', port },
    ]);
    const listen = ['127.0.0.1', '127.0.0.2'].map((host) => ({ host, port }));
    const pid = await start(configOf({ listen, operator: { host: '127.0.0.1', port: 0 } }));
    await eventually('it is up', () => logged().includes('tokenward is up'), 60_000);
    for (const { host } of listen) assert.equal(await freshCall(port, host), '200 fine');
    process.kill(pid, 'SIGTERM');
    assert.equal(await ended(pid), 0, logged());
  });

  it('refuses a Unix socket that more users may open than socketMode says', async () => {
    const path = join(folder(), 'proxy.sock');
    manager = await startManager(python, [{ path, mode: 0o666 }]);
    const pid = await start(configOf({ listen: { socket: path }, operator: { host: '127.0.0.1', port: 0 } }));
    assert.equal(await ended(pid), 1);
    assert.match(logged(), /has mode 0666, and socketMode is 0660\. Write SocketMode=0660\./);
  });
});

/** One request on a connection of its own: status and body, or the error. */
function freshCall(where: number | string, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    const place = typeof where === 'number' ? { host, port: where } : { socketPath: where };
    const sent = request({ ...place, path: '/api/x', agent: false, headers: { host: 'localhost' } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
      response.on('error', (error: Error) => resolve(String(error)));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end();
  });
}
