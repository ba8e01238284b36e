import assert from 'node:assert/strict';
import {
  countingLogins,
  MIN_KEPT,
  parseLogins,
  parseNotes,
  withoutOld,
  withSeen,
  type BootNotes,
} from '../../src/tokens/stores/counted-logins.ts';

const WINDOW = 1_000_000;
const NOW = 50_000_000;
const BOOT = { boot: 'this boot', ms: 9_000_000 };
const NONE: BootNotes = { boot: BOOT.boot, made: [], seen: [] };
const made = (...pairs: [number, number][]): BootNotes => ({ ...NONE, made: pairs });
const seen = (...pairs: [number, number][]): BootNotes => ({ ...NONE, seen: pairs });

describe('a stored row of logins', () => {
  it('is a list of numbers, and is read in order', () => {
    assert.deepEqual(parseLogins('[30, 4, 100]'), [4, 30, 100]);
    assert.deepEqual(parseLogins('[]'), []);
  });

  for (const text of ['', '[1', '{}', 'null', '"1"', '[1, "2"]', '[null]', '[[1]]'])
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(parseLogins(text), undefined));
});

describe('notes of boot times', () => {
  const text = (change: object = {}): string =>
    JSON.stringify({ boot: BOOT.boot, made: [[1, 2]], seen: [[3, 4]], ...change });

  it('are read if they are of this boot', () => {
    assert.deepEqual(parseNotes(text({ later: 1 }), BOOT), { boot: BOOT.boot, made: [[1, 2]], seen: [[3, 4]] });
  });

  for (const [name, given] of [
    ['of another boot', text({ boot: 'another' })],
    ['cut off', '{"boot":'],
    ['null', 'null'],
    ['without lists', text({ made: undefined })],
    ['without the second list', text({ seen: 'x' })],
    ['with what is no pair', text({ made: [1] })],
    ['with a pair of three', text({ made: [[1, 2, 3]] })],
    ['with a pair of one', text({ seen: [[1]] })],
    ['with a text in a pair', text({ seen: [[1, '2']] })],
    ['with one such pair among others', text({ seen: [[1, 2], [3]] })],
    ['absent', undefined],
  ] as const) {
    it(`count as none if they are ${name}`, () => assert.deepEqual(parseNotes(given, BOOT), NONE));
  }

  it('count as none where the machine does not tell how long it runs', () => {
    assert.deepEqual(parseNotes(text(), undefined), { boot: '', made: [], seen: [] });
  });
});

describe('a login without a note', () => {
  const counting = (...logins: number[]): number[] => countingLogins(logins, NONE, NOW, WINDOW, BOOT);

  it('counts for the window by the wall clock', () => {
    assert.deepEqual(counting(NOW - WINDOW, NOW - WINDOW + 1, NOW), [NOW - WINDOW + 1, NOW]);
  });

  it('counts if it is in the future: one too many is the cheaper error', () => {
    assert.deepEqual(counting(NOW + 1, NOW + 900 * WINDOW), [NOW + 1, NOW + 900 * WINDOW]);
  });
});

describe('a login that has been in the future', () => {
  const at = NOW + 900 * WINDOW;
  const counting = (since: number, running: typeof BOOT | undefined = BOOT): number[] =>
    countingLogins([at], seen([at, BOOT.ms - since]), NOW, WINDOW, running);

  it('counts until it has been so for a whole window', () => {
    assert.deepEqual(counting(WINDOW - 1), [at]);
    assert.deepEqual(counting(WINDOW), []);
  });

  it('counts on if the note is of a later moment, as after a restore from a snapshot, or no boot time is told', () => {
    assert.deepEqual(counting(-1), [at]);
    assert.deepEqual(countingLogins([at], seen([at, BOOT.ms - WINDOW]), NOW, WINDOW, undefined), [at]);
  });
});

describe('a login with a note of its boot time', () => {
  const counting = (at: number, since: number): number[] =>
    countingLogins([at], made([at, BOOT.ms - since]), NOW, WINDOW, BOOT);

  it('counts for the window by the boot time, whatever the wall clock says', () => {
    assert.deepEqual(counting(NOW - 5 * WINDOW, WINDOW - 1), [NOW - WINDOW + 1]);
    assert.deepEqual(counting(NOW - 5, WINDOW), []);
    assert.deepEqual(counting(NOW + 5, WINDOW + 1), []);
  });

  it('is shown at its own time if the clocks differ by less than a second, else by the present clock', () => {
    for (const off of [-999, 0, 999]) assert.deepEqual(counting(NOW - 5_000 + off, 5_000), [NOW - 5_000 + off]);
    for (const off of [-1_000, 1_000]) assert.deepEqual(counting(NOW - 5_000 + off, 5_000), [NOW - 5_000]);
  });

  it('made at this very moment counts', () => {
    assert.deepEqual(counting(NOW + 77_000, 0), [NOW]);
  });

  it('is judged by the wall clock if the note is of a later moment', () => {
    assert.deepEqual(counting(NOW - WINDOW, -1), []);
    assert.deepEqual(counting(NOW - 1, -1), [NOW - 1]);
  });

  it('is shown in its place among the others', () => {
    const [early, late] = [NOW - 10_000, NOW - 5_000];
    const moved = NOW - 900_000;
    assert.deepEqual(countingLogins([moved, early, late], made([moved, BOOT.ms - 7_000]), NOW, WINDOW, BOOT), [
      early,
      NOW - 7_000,
      late,
    ]);
  });
});

describe('a row of logins that grows', () => {
  const old = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
  const kept = (logins: number[], limit = 1): number[] => withoutOld(logins, NONE, NOW, WINDOW, BOOT, limit);

  it('keeps a hundred that count no more, the newest of them', () => {
    assert.deepEqual(kept(old(MIN_KEPT)), old(MIN_KEPT));
    assert.deepEqual(kept(old(MIN_KEPT + 3)), old(MIN_KEPT + 3).slice(3));
  });

  it('keeps twice the limit if that is more', () => {
    assert.deepEqual(kept(old(203), 100), old(203).slice(3));
  });

  it('keeps every one that counts', () => {
    const counting = Array.from({ length: MIN_KEPT + 5 }, (_, index) => NOW - 500 + index);
    assert.deepEqual(kept([1, 2, ...counting]), counting);
  });
});

describe('notes that are written', () => {
  it('get the logins that are in the future, with the boot time', () => {
    const notes = { ...made([NOW + 1, 5]), seen: [[NOW + 2, 6] as const] };
    assert.deepEqual(withSeen([NOW - 1, NOW, NOW + 1, NOW + 2, NOW + 3], notes, NOW, BOOT), {
      boot: BOOT.boot,
      made: [[NOW + 1, 5]],
      seen: [
        [NOW + 2, 6],
        [NOW + 3, BOOT.ms],
      ],
    });
  });

  it('lose those of logins that are gone', () => {
    const notes = { ...made([1, 5], [2, 6]), seen: [[3, 7] as const, [4, 8] as const] };
    assert.deepEqual(withSeen([2, 4], notes, NOW, BOOT), { boot: BOOT.boot, made: [[2, 6]], seen: [[4, 8]] });
    assert.deepEqual(withSeen([2, 3, 4], notes, NOW, BOOT).made, [[2, 6]]);
  });

  it('are the same object if nothing changes', () => {
    const notes = { ...made([1, 5]), seen: [[NOW + 2, 6] as const] };
    assert.equal(withSeen([1, NOW, NOW + 2], notes, NOW, BOOT), notes);
  });
});
