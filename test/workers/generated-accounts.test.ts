import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { freshFolder } from '../support/files.ts';
import { writeLines } from '../support/account-files.ts';
import { freshPool } from './worker-pool.ts';

describe('generated accounts behind several workers', function () {
  this.timeout(60_000);
  const pool = freshPool();
  const folder = freshFolder();

  it('are known to all of them, cost one login each, and grow upon SIGHUP', async function () {
    // Only the store is real here until the addresses are known.
    const file = writeLines(folder(), [{ name: 'shop-1', flow: 'static', credentials: { token: 'x' } }]);
    const { sandbox, served, configure, restart } = await pool(this, 2, { accountsFrom: { file } });
    const account = (name: string): Record<string, unknown> => ({
      name,
      flow: 'softline',
      baseUrl: sandbox.urls.softline,
      credentials: sandbox.credentials.softline,
    });
    const routes = [
      { prefix: '/shops', upstream: sandbox.urls.softline, accountFrom: { flow: 'softline', header: 'X-Shop' } },
    ];
    const ask = async (shop: string): Promise<number> =>
      (await call(served.url, '/shops/v1/order/7', { headers: { 'x-shop': shop }, from: '127.0.0.1' })).status;
    writeLines(folder(), [account('shop-1')]);
    configure({ routes });
    await restart();
    for (let index = 0; index < 6; index += 1) assert.equal(await ask('shop-1'), 200);
    assert.equal(await ask('shop-2'), 404);
    assert.equal(sandbox.ledger.count({ kind: 'login' }), 1);
    writeLines(folder(), [account('shop-1'), account('shop-2')]);
    await restart();
    for (let index = 0; index < 6; index += 1) assert.deepEqual([await ask('shop-1'), await ask('shop-2')], [200, 200]);
    assert.equal(sandbox.ledger.count({ kind: 'login' }), 2);
  });
});
