import assert from 'node:assert/strict';
import { run } from '../support/process.ts';
import { freshPool } from './worker-pool.ts';

describe('tokenward renew --login with several workers', () => {
  const pool = freshPool();

  it('reaches the worker that does it', async function () {
    const { served, sandbox } = await pool(this, 2);
    for (let generation = 1; generation <= 2; generation += 1) {
      assert.equal(
        (await run(['renew', 'crm', '--login', '--operator', served.operatorUrl])).stdout,
        `crm has a new token, generation ${generation}\n`,
      );
    }
    assert.deepEqual(
      sandbox.ledger.entries({ vendor: 'chatapp' }).map(({ kind }) => kind),
      ['login', 'login'],
    );
  });
});
