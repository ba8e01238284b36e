import assert from 'node:assert/strict';
import { randomFrom } from '../../../harness/random.ts';
import { isFlat, trendOf, type Point } from './trend.ts';

const MIB = 1_024 * 1_024;
const EVERY = 10_000;

/** A figure over two hours, `valueAt` hours. */
function over(valueAt: (hours: number) => number, hours = 2): Point[] {
  return Array.from({ length: (hours * 3_600_000) / EVERY }, (_, index) => {
    const at = index * EVERY;
    return { at, value: valueAt(at / 3_600_000) };
  });
}

describe('the trend of a soak', () => {
  const random = randomFrom(1);
  const stray = (most: number): number => random.between(-most, most);

  it('of a leak is its slope, and not flat', () => {
    const trend = trendOf(over((hours) => 80 * MIB + 4 * MIB * hours + stray(3 * MIB)))!;
    assert.ok(Math.abs(trend.slopePerHour / MIB - 4) < 0.5, String(trend.slopePerHour / MIB));
    assert.ok(!isFlat(trend, MIB));
  });

  it('of figures that only stray is flat, and says how far they stray', () => {
    const trend = trendOf(over(() => 80 * MIB + stray(3 * MIB)))!;
    assert.ok(isFlat(trend, MIB));
    assert.ok(trend.noise > 0 && trend.noise < 3 * MIB);
    assert.ok(Math.abs(trend.start - 80 * MIB) < MIB && Math.abs(trend.end - 80 * MIB) < MIB);
  });

  it('is not moved by a tenth of the figures that are far off', () => {
    const trend = trendOf(over((hours) => (hours % 0.2 < 0.02 ? 200 * MIB : 80 * MIB)))!;
    assert.equal(trend.slopePerHour, 0);
    assert.equal(trend.noise, 0);
  });

  it('of a figure that grows without noise is flat up to the limit, and no further', () => {
    assert.ok(isFlat(trendOf(over((hours) => 30 + 0.9 * hours))!, 1));
    assert.ok(!isFlat(trendOf(over((hours) => 30 + 1.1 * hours))!, 1));
  });

  it('of a figure that falls is flat', () => {
    assert.ok(isFlat(trendOf(over((hours) => 80 * MIB - 5 * MIB * hours))!, MIB));
  });

  it('of a few minutes is none', () => {
    assert.equal(trendOf(over(() => 1, 0.1)), undefined);
  });
});
