import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { freshWorld, tokenCalls, VENDORS } from '../../support/world.ts';

describe('a refusal that arrives after the renewal has finished', () => {
  const world = freshWorld();

  for (const { vendor, read } of VENDORS) {
    it(`${vendor}: is replayed with the newer token, and the token endpoint hears nothing`, async () => {
      const { sandbox } = world();
      await world().call(read);
      // The first call is judged now and answered late; the second one is refused, renews and ends in between.
      sandbox[vendor].revokeCurrent();
      sandbox[vendor].set({ deadTokenDelayMs: { min: 1_500, max: 1_500 } });
      const late = world().call(read);
      await eventually('the late call is judged', () => sandbox.ledger.count({ vendor, outcome: 'dead-token' }) === 1);
      sandbox[vendor].set({ deadTokenDelayMs: { min: 0, max: 0 } });
      assert.equal((await world().call(read)).status, 200);
      const before = tokenCalls(sandbox, vendor);
      assert.equal(
        sandbox.ledger.last({ vendor, outcome: 'dead-token', status: null })?.finishedAt,
        null,
        'the first call must still be waiting',
      );

      assert.equal((await late).status, 200);
      assert.equal(before, 2);
      assert.equal(tokenCalls(sandbox, vendor), before);
    });
  }
});
