import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../../support/call.ts';
import { freshFolder, writeConfig } from '../../support/files.ts';
import { closing } from '../../support/custom-proxy.ts';
import { serve, type Served } from '../../support/process.ts';
import { requireBuild } from '../../support/tools.ts';
import { dial } from '../../support/wire.ts';
import { OK, rawUpstream } from '../../support/raw-upstream.ts';

const LIMIT = 2_000;
/** Long after the limit and every delay that the stops can make. */
const ANSWER_AFTER = 12_000;
const LATE_MOST = 5_000;

describe('time limits while the process stands still now and then', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  const close = closing();
  let proxy: Served | undefined;
  afterEach(async () => {
    proxy?.child.kill('SIGCONT');
    await proxy?.end('SIGKILL');
    proxy = undefined;
  });

  async function start(context: Mocha.Context, answer: Parameters<typeof rawUpstream>[0]): Promise<Served> {
    requireBuild(context);
    const upstream = await close(rawUpstream(answer));
    proxy = await serve([
      '-c',
      writeConfig(folder(), {
        listen: { host: '127.0.0.1', port: 0 },
        operator: { host: '127.0.0.1', port: 0 },
        store: { type: 'embedded', path: join(folder(), 'store') },
        limits: { bodyIdle: `${LIMIT}ms` },
        accounts: { fixed: { flow: 'static', credentials: { token: 'fixed' } } },
        routes: [
          {
            prefix: '/api',
            upstream: upstream.url,
            account: 'fixed',
            timeouts: { firstByte: `${LIMIT}ms`, idle: `${LIMIT}ms` },
          },
        ],
      }),
    ]);
    assert.equal((await call(proxy.url, '/api/ready')).status, 200);
    return proxy;
  }

  /**
   * As a container's share of the CPU does it: it stands for so many of every 1,300 ms, for as long as the work takes.
   */
  async function standingNowAndThen<T>(
    { child }: Served,
    work: Promise<T>,
    stands = 400,
  ): Promise<{ readonly result: T; readonly took: number }> {
    const from = performance.now();
    let done = false;
    const stops = (async () => {
      while (!done) {
        child.kill('SIGSTOP');
        await sleep(stands);
        child.kill('SIGCONT');
        await sleep(1_300 - stands);
      }
    })();
    const result = await work;
    const took = performance.now() - from;
    done = true;
    await stops;
    return { result, took };
  }

  const timely = (took: number, most = LATE_MOST): void =>
    assert.ok(took > LIMIT - 200 && took < most, `after ${Math.round(took)} ms`);

  it('an upstream that does not begin its answer: 504, late by one stop at most', async function () {
    const running = await start(
      this,
      (line, { socket }) =>
        void setTimeout(() => socket.destroyed || socket.write(OK), line.includes('late') ? ANSWER_AFTER : 0),
    );
    const { result, took } = await standingNowAndThen(running, call(running.url, '/api/late'));
    assert.equal(result.status, 504);
    timely(took);
  });

  it('an upstream that says nothing more in the middle of its answer: it is cut, late by one stop at most', async function () {
    const running = await start(this, (line, { socket }) => {
      if (!line.includes('late')) socket.write(OK);
      else {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
        setTimeout(() => socket.destroyed || socket.write('half'), ANSWER_AFTER);
      }
    });
    const { result, took } = await standingNowAndThen(
      running,
      call(running.url, '/api/late').then(
        ({ text }) => text,
        () => 'cut',
      ),
    );
    assert.equal(result, 'cut');
    timely(took);
  });

  it('a caller whose body stands still, while the process hardly runs at all: 408, late by a few stops', async function () {
    const running = await start(this, (_line, { socket }) => void socket.write(OK));
    const line = await dial(running.url);
    line.socket.write('POST /api/half HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8\r\n\r\nhalf');
    const { result, took } = await standingNowAndThen(running, line.until(/\r\n\r\n/), 1_200);
    assert.match(result, /^HTTP\/1\.1 408 /);
    // Counted in looks, of which one comes after each stop, it would be nine stops.
    timely(took, LIMIT + 6 * 1_300);
    line.socket.destroy();
  });

  it('an upstream that speaks in time, again and again: nothing is cut', async function () {
    const running = await start(this, (line, { socket }) => {
      if (!line.includes('slow')) return void socket.write(OK);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n');
      void (async () => {
        for (const letter of 'slowly') {
          await sleep(1_000);
          socket.write(letter);
        }
      })();
    });
    const { result } = await standingNowAndThen(running, call(running.url, '/api/slow'));
    assert.deepEqual([result.status, result.text], [200, 'slowly']);
  });

  it('an upstream that answers in time while the process stands for longer than the limit: the answer counts', async function () {
    const asked = { late: (): void => undefined };
    const came = new Promise<void>((resolve) => (asked.late = resolve));
    const running = await start(this, (line, { socket }) => {
      if (line.includes('late')) asked.late();
      setTimeout(() => socket.write(OK), line.includes('late') ? 500 : 0);
    });
    const answer = call(running.url, '/api/late');
    await came;
    running.child.kill('SIGSTOP');
    await sleep(LIMIT + 1_500);
    running.child.kill('SIGCONT');
    assert.deepEqual([(await answer).status, (await answer).text], [200, 'fine']);
  });
});
