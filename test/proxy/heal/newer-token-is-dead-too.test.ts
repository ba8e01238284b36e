import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { freshWorld, tokenCalls, VENDORS } from '../../support/world.ts';

describe('a refusal that finds a newer token, which has died as well', () => {
  const world = freshWorld();

  for (const { vendor, read } of VENDORS) {
    it(`${vendor}: costs one renewal, and the client gets its reply`, async () => {
      const { sandbox } = world();
      await world().call(read);
      // The first call is judged now and answered late. Meanwhile the second one renews, and its token dies too.
      sandbox[vendor].revokeCurrent();
      sandbox[vendor].set({ deadTokenDelayMs: { min: 1_500, max: 1_500 } });
      const late = world().call(read);
      await eventually('the late call is judged', () => sandbox.ledger.count({ vendor, outcome: 'dead-token' }) === 1);
      sandbox[vendor].set({ deadTokenDelayMs: { min: 0, max: 0 } });
      assert.equal((await world().call(read)).status, 200);
      const before = tokenCalls(sandbox, vendor);
      sandbox[vendor].revokeCurrent();

      assert.equal((await late).status, 200);
      assert.equal(tokenCalls(sandbox, vendor), before + 1);
      assert.equal(sandbox.ledger.count({ vendor, outcome: 'dead-token' }), 3);
    });
  }
});
