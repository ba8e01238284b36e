import assert from 'node:assert/strict';
import { historyOf, play } from '../simulate/simulate.ts';

// Not a `.test.ts`: test/simulate has its own tests. Here a few histories look at every mutant of the renewal path.
describe('thirty histories of the simulation', () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    it(`seed ${seed} breaks no rule`, async () => {
      assert.equal((await play(historyOf(seed))).violation, undefined);
    });
  }
});
