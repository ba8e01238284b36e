import assert from 'node:assert/strict';
import type { Test } from 'supertest';
import { StoreError } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { metric } from '../support/call.ts';
import { accountsOn, freshBrowser, shown } from '../support/browser.ts';
import { operator, statusOf } from '../support/operator.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { freshWorld } from '../support/world.ts';

const WHY = 'The store in /data cannot be written: no space left on device.';

describe('a store that cannot be used', () => {
  const world = freshWorld();
  const open = freshBrowser();
  const { check } = EmbeddedStore.prototype;
  const fail = (): void => {
    EmbeddedStore.prototype.check = () => Promise.reject(new StoreError(WHY));
  };
  const mend = (): void => {
    EmbeddedStore.prototype.check = check;
  };
  afterEach(mend);
  const ask = (target: string): Test => operator(world().proxy).get(target);

  it('makes the process not ready, says why, and is over when it is over', async () => {
    await world().call('/softline/v1/order/7');
    fail();
    await ask('/readyz').expect(503, {
      ready: false,
      problems: [
        { problem: `the token store cannot be used (${WHY}): tokens in memory are still used, none is renewed` },
      ],
    });
    assert.equal((await world().call('/softline/v1/order/7')).status, 200, 'a living token serves on');
    mend();
    await ask('/readyz').expect(200, { ready: true, problems: [] });
  });

  it('is no reason for whoever says so, and is told all the same', async () => {
    fail();
    const { body } = (await ask('/readyz?store=optional').expect(200)) as { body: { problems: unknown[] } };
    assert.equal(body.problems.length, 1);
    await ask('/healthz').expect(200);
  });

  it('is a gauge, a part of /status, and the first line of tokenward status', async function () {
    requireBuild(this);
    const { operatorUrl } = world().proxy;
    assert.equal(await metric(operatorUrl, 'tokenward_store_usable'), 1);
    fail();
    assert.equal(await metric(operatorUrl, 'tokenward_store_usable'), 0);
    const { store } = await statusOf(world().proxy);
    assert.deepEqual([store.usable, store.error], [false, WHY]);
    assert.ok(Math.abs(Date.now() - store.since) < 10_000);
    const { stdout } = await run(['status', '--operator', operatorUrl]);
    assert.match(
      stdout,
      /^The token store has been unusable for \d+ s: The store in \/data cannot be written: no space left on device\.\n\nACCOUNT /,
    );
    mend();
    assert.equal(await metric(operatorUrl, 'tokenward_store_usable'), 1);
  });

  it('is on the page', async function () {
    this.timeout(90_000);
    fail();
    const page = await shown(await open(this, world().proxy.operatorUrl));
    assert.equal(
      await page.locator('#verdict').textContent(),
      'The token store cannot be used: tokens in memory go on serving, and nothing is renewed.',
    );
    const incident = (await page.locator('#incidents > li').textContent())!;
    assert.ok(incident.includes(WHY), incident);
    assert.equal((await accountsOn(page)).length, 3);
  });

  it('is one line in the log when it begins, and one when it ends', async () => {
    fail();
    for (const target of ['/readyz', '/status', '/metrics', '/readyz']) await ask(target);
    mend();
    await Promise.all([ask('/readyz'), ask('/readyz')]);
    const lines = world()
      .proxy.lines.map((line) => JSON.parse(line) as { level: string; message: string; detail?: string })
      .filter(({ message }) => message.startsWith('the token store'));
    assert.deepEqual(lines, [
      {
        level: 'error',
        message: 'the token store cannot be used: tokens in memory are still used, none is renewed',
        detail: WHY,
      },
      { level: 'info', message: 'the token store can be used again' },
    ]);
  });
});
