import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { freshPool } from './worker-pool.ts';
import { startLoad } from './load.ts';

const READS = ['/softline/v1/order/77', '/crm/v1/licenses', '/twin/iam/api/v1/users/me'];

describe('workers that accept connections themselves', function () {
  this.timeout(120_000);
  const pool = freshPool();

  it('are replaced under load from clients with a connection for each request: none fails, and nobody logs in', async function () {
    const { sandbox, served, restart, pids } = await pool(this, 2, { workerConnections: 'kernel' });
    for (const read of READS) await call(served.url, read);
    sandbox.ledger.clear();
    const load = startLoad(served.url, READS, { keeping: 4, making: 12, pause: 30 });
    const before = await pids();
    await restart();
    await restart();
    const results = await load.stop();
    assert.equal((await pids()).filter((pid) => before.includes(pid)).length, 0);
    assert.deepEqual([...results.keys()], ['200'], JSON.stringify([...results]));
    assert.ok(results.get('200')! > 200, `only ${results.get('200')!} requests`);
    assert.equal(sandbox.ledger.count({ where: ({ kind }) => kind !== 'api' }), 0);
  });

  it('need a restart of the program to share them in turn again, and say so', async function () {
    const { served, configure, lines, pids } = await pool(this, 2, { workerConnections: 'kernel' });
    const before = await pids();
    configure({ workerConnections: 'in-turn' });
    served.child.kill('SIGHUP');
    await eventually('a line names the key', () =>
      lines().some((line) => JSON.stringify(line).includes('workerConnections: ')),
    );
    assert.deepEqual(await pids(), before);
    assert.equal((await call(served.url, READS[0]!)).status, 200);
  });
});
