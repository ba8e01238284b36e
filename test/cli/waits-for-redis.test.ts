import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { fakeUpstream, type FakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { answerOf, startServe, type Starting } from '../support/starting.ts';
import { requireBuild, requireTool } from '../support/tools.ts';
import { freePort } from '../support/wire.ts';

const KEY = Buffer.alloc(32, 'one').toString('base64');

describe('a start while Redis is not there yet', function () {
  this.timeout(90_000);
  const folder = freshFolder();
  let redis: RedisServer;
  let upstream: FakeUpstream;
  let one: Starting | undefined;

  before(async function () {
    requireBuild(this);
    redis = await startRedis(requireTool(this, 'redis-server'));
    upstream = await fakeUpstream();
  });
  beforeEach(() => redis.kill());
  afterEach(async () => {
    one?.child.kill('SIGKILL');
    await one?.ended();
    one = undefined;
  });
  after(async () => {
    await upstream?.close();
    await redis?.stop();
  });

  async function begin(more: object = {}, store: object = {}): Promise<{ proxy: string; operator: string }> {
    const [proxy, operator] = [await freePort(), await freePort()];
    const file = writeConfig(folder(), {
      listen: { host: '127.0.0.1', port: proxy },
      operator: { host: '127.0.0.1', port: operator },
      store: { type: 'redis', url: redis.url, key: KEY, ...store },
      accounts: { fixed: { flow: 'static', credentials: { token: 'a-fixed-token' } } },
      routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
      ...more,
    });
    one = startServe(file);
    return { proxy: `http://127.0.0.1:${proxy}`, operator: `http://127.0.0.1:${operator}` };
  }

  for (const workers of [1, 2]) {
    it(`with ${workers} process(es): is alive and not ready, says why, and serves when Redis comes`, async () => {
      const { proxy, operator } = await begin({ workers });
      await eventually(
        'it says why it is not ready',
        async () => /ECONNREFUSED/.test((await ready(operator)).text),
        30_000,
      );
      assert.equal((await ready(operator)).status, 503);
      assert.match((await ready(operator)).text, /Redis at 127\.0\.0\.1:\d+ cannot be used/);
      assert.deepEqual(await answerOf(`${operator}/healthz`), { status: 200, text: 'ok\n' });
      await sleep(1_000);
      await redis.start();
      await eventually('it is ready', async () => (await ready(operator)).status === 200, 30_000);
      assert.equal((await call(proxy, '/api/x')).status, 200);
      assert.ok(upstream.seen.at(-1)?.rawHeaders.includes('Bearer a-fixed-token'));
      const story = /waiting for what the start needs[^]*what the start waited for is there[^]*tokenward is up/;
      // One worker is enough to be ready.
      await eventually('all is up', () => story.test(one!.stderr()), 30_000);
      one!.child.kill('SIGTERM');
      assert.equal(await one!.ended(), 0, one!.stderr());
    });

    it(`with ${workers} process(es): ends with 1 and a clear error when startup.wait is over`, async () => {
      await begin({ workers, startup: { wait: '7s' } });
      assert.equal(await one!.ended(), 1);
      assert.match(one!.stderr(), /the start gives up: startup\.wait is over/);
      assert.match(one!.stderr(), /^tokenward: Redis at 127\.0\.0\.1:\d+ cannot be used: ECONNREFUSED\.$/m);
    });

    it(`with ${workers} process(es): SIGTERM ends the wait with 0`, async () => {
      const { operator } = await begin({ workers });
      await eventually('it waits', async () => /ECONNREFUSED/.test((await ready(operator)).text), 30_000);
      one!.child.kill('SIGTERM');
      assert.equal(await one!.ended(), 0, one!.stderr());
    });
  }

  for (const workers of [1, 2])
    it(`with ${workers} process(es): has one limit for a file and Redis together`, async () => {
      const token = join(folder(), 'token');
      await begin({
        workers,
        accounts: { fixed: { flow: 'static', credentials: { token: `\${file:${token}}` } } },
      });
      const limits = (): number[] =>
        [...one!.stderr().matchAll(/"until":"([^"]+)"/g)].map(([, until]) => Date.parse(until!));
      await eventually('it waits for the file', () => limits().length === 1, 30_000);
      await sleep(4_000);
      writeFileSync(token, 'there');
      await eventually('it waits for Redis', () => /cannot be used: ECONNREFUSED/.test(one!.stderr()), 30_000);
      assert.ok(Math.abs(limits().at(-1)! - limits()[0]!) < 3_000, one!.stderr());
    });

  it('does not wait for a login that Redis refuses', async () => {
    await redis.start(['--requirepass', 'right']);
    await begin({}, { password: 'wrong' });
    assert.equal(await one!.ended(), 1);
    assert.match(one!.stderr(), /^tokenward: Redis at \S+ cannot be used: WRONGPASS\.$/m);
    assert.doesNotMatch(one!.stderr(), /waiting/);
  });
});

async function ready(operator: string): Promise<{ status: number; text: string }> {
  return (await answerOf(`${operator}/readyz`)) ?? { status: 0, text: '' };
}
