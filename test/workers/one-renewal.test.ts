import assert from 'node:assert/strict';
import { metric } from '../support/call.ts';
import { tokenCalls, VENDORS } from '../support/world.ts';
import { freshPool } from './worker-pool.ts';

describe('three workers', function () {
  this.timeout(60_000);
  const pool = freshPool();

  for (const { vendor, read, renewal } of VENDORS) {
    it(`${vendor}: 600 callers at once with a revoked token cost one ${renewal}, and none of them sees it`, async function () {
      const { sandbox, callAnew, status, served } = await pool(this, 3);
      await callAnew(read);
      sandbox[vendor].set({ deadTokenDelayMs: { min: 0, max: 100 } });
      sandbox[vendor].revokeCurrent();
      const before = tokenCalls(sandbox, vendor);
      const answers = await Promise.all(Array.from({ length: 600 }, () => callAnew(read)));
      assert.deepEqual([...new Set(answers.map(({ status: code }) => code))], [200]);
      assert.equal(tokenCalls(sandbox, vendor) - before, 1);
      const requests = (await status()).workers!.map((worker) => worker.requests!);
      assert.ok(Math.min(...requests) >= 50, `one worker had hardly any of the requests: ${requests.join(', ')}`);
      assert.equal(
        await metric(served.operatorUrl, 'tokenward_renewals_total', { flow: vendor, outcome: 'granted' }),
        2,
      );
    });
  }
});
