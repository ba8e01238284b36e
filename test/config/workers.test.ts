import assert from 'node:assert/strict';
import { load, said, SMALLEST } from '../support/config.ts';

const MISTAKE = 'workers: must be auto, or a number of processes from 1 to 256';

describe('the number of workers', () => {
  it('is one if nothing is said', () => {
    assert.equal(load(SMALLEST).workers, 1);
  });

  for (const [written, read] of [
    ['4', 4],
    ['"4"', 4],
    ['auto', 'auto'],
    ['"${WORKERS}"', 3],
    ['256', 256],
  ] as const) {
    it(`may be ${written}`, () =>
      assert.equal(load(`workers: ${written}\n${SMALLEST}`, { WORKERS: '3' }).workers, read));
  }

  for (const written of ['0', '-1', '257', '2.5', 'all', '"0"', '[2]', 'null']) {
    it(`may not be ${written}`, () => assert.deepEqual(said(`workers: ${written}\n${SMALLEST}`), [MISTAKE]));
  }
});
