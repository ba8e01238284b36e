import assert from 'node:assert/strict';
import { run } from '../support/process.ts';
import { tokenCalls } from '../support/world.ts';
import { freshPool } from './worker-pool.ts';

const READ = '/softline/v1/order/77';

describe('a token that one worker has got', function () {
  this.timeout(60_000);
  const pool = freshPool();

  it('is used by the others at once, without a call with the old one', async function () {
    const { sandbox, callAnew, served } = await pool(this, 3);
    // Every worker has the first token in memory.
    for (let index = 0; index < 9; index += 1) await callAnew(READ);
    for (let generation = 2; generation <= 6; generation += 1) {
      const { stdout, stderr, code } = await run(['renew', 'softline', '--operator', served.operatorUrl]);
      assert.deepEqual([code, stdout, stderr], [0, `softline has a new token, generation ${generation}\n`, '']);
      const from = sandbox.ledger.count({});
      for (let index = 0; index < 9; index += 1) assert.equal((await callAnew(READ)).status, 200);
      const tokens = sandbox.ledger
        .entries({ vendor: 'softline', kind: 'api' })
        .filter(({ seq }) => seq > from)
        .map(({ tokenId }) => tokenId);
      const issued = sandbox.ledger.entries({ vendor: 'softline', kind: 'login' }).at(-1)!.issued;
      assert.equal(tokens.length, 9);
      assert.deepEqual([...new Set(tokens)], [issued], `generation ${generation}`);
    }
    assert.equal(tokenCalls(sandbox, 'softline'), 6);
  });
});
