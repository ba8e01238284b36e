import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { operator } from '../support/operator.ts';
import { serve, type Served } from '../support/process.ts';
import { sandboxConfigObject, type ConfigObject } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';

const HANG = '/softline/v1/sandbox/hang';
const THREE_SECONDS = '/softline/v1/sandbox/slow-body?pieces=30&ms=100';

describe('a running tokenward that is told to stop', () => {
  const folder = freshFolder();
  let sandbox: Sandbox;
  let proxy: Served | undefined;
  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox.close());
  afterEach(async () => {
    proxy?.child.kill('SIGKILL');
    proxy = undefined;
  });

  async function start(context: Mocha.Context, change: ConfigObject = {}): Promise<Served> {
    requireBuild(context);
    proxy = await serve([
      '-c',
      writeConfig(folder(), { ...sandboxConfigObject(sandbox, join(folder(), 'store')), ...change }),
    ]);
    assert.equal((await call(proxy.url, '/softline/v1/order/7')).status, 200);
    return proxy;
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`by ${signal} ends with 0 at once if nothing is under way`, async function () {
      const running = await start(this);
      const from = Date.now();
      assert.equal(await running.end(signal), 0);
      assert.ok(Date.now() - from < 3_000, `${Date.now() - from} ms`);
    });
  }

  it('lets running requests end, whatever further signals say', async function () {
    const running = await start(this, { shutdown: { drain: '10s' } });
    const answer = call(running.url, THREE_SECONDS);
    await sleep(300);
    const ended = running.end('SIGTERM');
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM'] as const) {
      await sleep(100);
      running.child.kill(signal);
    }
    const { status, text } = await answer;
    assert.deepEqual([status, text.split('\n').length], [200, 31]);
    assert.equal(await ended, 0);
  });

  it('cuts what has not ended when the time is over', async function () {
    const running = await start(this, { shutdown: { drain: '1s' } });
    const answer = call(running.url, HANG).then(
      () => 'answered',
      () => 'cut',
    );
    await sleep(200);
    const from = Date.now();
    assert.equal(await running.end('SIGTERM'), 0);
    const took = Date.now() - from;
    assert.ok(took >= 900 && took < 4_000, `${took} ms`);
    assert.equal(await answer, 'cut');
  });

  it('is not ready at once, and accepts requests until the delay is over', async function () {
    const running = await start(this, { shutdown: { delay: '1500ms', drain: '1s' } });
    const ended = running.end('SIGTERM');
    await sleep(300);
    await operator(running)
      .get('/readyz')
      .expect(503, { ready: false, problems: [{ problem: 'shutting down' }] });
    assert.equal((await call(running.url, '/softline/v1/order/7')).status, 200);
    assert.equal(await ended, 0);
  });

  it('finishes a renewal that is under way, and stores its token', async function () {
    const running = await start(this, { shutdown: { drain: '500ms' } });
    sandbox.softline.set({ loginDelayMs: 1_500 });
    sandbox.softline.revokeCurrent();
    sandbox.ledger.clear();
    const answer = call(running.url, '/softline/v1/order/7').then(
      ({ status }) => status,
      () => 'cut',
    );
    await sleep(300);
    assert.equal(await running.end('SIGTERM'), 0);
    assert.ok([200, 'cut'].includes(await answer));
    sandbox.softline.set({ loginDelayMs: 0 });
    assert.equal(sandbox.ledger.count({ vendor: 'softline', kind: 'login' }), 1);

    proxy = await serve(['-c', join(folder(), 'proxy.config.yaml')]);
    assert.equal((await call(proxy.url, '/softline/v1/order/7')).status, 200);
    assert.equal(
      sandbox.ledger.count({ vendor: 'softline', kind: 'login' }),
      1,
      'the token of the last renewal is lost',
    );
    assert.equal(await proxy.end(), 0);
  });
});
