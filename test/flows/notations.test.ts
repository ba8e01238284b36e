import assert from 'node:assert/strict';
import { secondsOf, secondsUntil } from '../../src/flows/notations.ts';

const NOW = Date.UTC(2026, 10, 26, 10, 0, 0);
const IN_AN_HOUR = NOW + 3_600_000;

describe('a length of time in an answer', () => {
  for (const [value, expected] of [
    [3_600, 3_600],
    [3_600.0, 3_600],
    ['3600', 3_600],
    [' 3600 ', 3_600],
    ['3600.0', 3_600],
    ['3600s', 3_600],
    ['3600 s', 3_600],
    ['60m', 3_600],
    ['1h', 3_600],
    ['500ms', 0.5],
    ['PT1H', 3_600],
    ['PT1H30M', 5_400],
    ['P1D', 86_400],
    ['PT0.5S', 0.5],
    [0, undefined],
    [-1, undefined],
    ['0', undefined],
    ['0s', undefined],
    ['-5s', undefined],
    ['PT0S', undefined],
    ['P', undefined],
    ['', undefined],
    ['soon', undefined],
    ['1 hour or so', undefined],
    [null, undefined],
    [true, undefined],
    [[3_600], undefined],
    [{}, undefined],
    [Infinity, undefined],
    [NaN, undefined],
    ['1e400', undefined],
  ] as const) {
    it(`${JSON.stringify(value)} is ${expected ?? 'not known'}`, () => assert.equal(secondsOf(value), expected));
  }
});

describe('a moment in an answer', () => {
  const same: readonly (readonly [what: string, value: unknown])[] = [
    ['unix seconds', IN_AN_HOUR / 1e3],
    ['unix seconds as text', String(IN_AN_HOUR / 1e3)],
    ['unix milliseconds', IN_AN_HOUR],
    ['unix microseconds', IN_AN_HOUR * 1e3],
    ['unix nanoseconds', IN_AN_HOUR * 1e6],
    ['unix nanoseconds as text', `${IN_AN_HOUR}000000`],
    ['an ISO date', '2026-11-26T11:00:00Z'],
    ['with milliseconds', '2026-11-26T11:00:00.000Z'],
    ['with nanoseconds', '2026-11-26T11:00:00.000000001Z'],
    ['with seven digits, as .NET', '2026-11-26T11:00:00.0000000+00:00'],
    ['with an offset', '2026-11-26T14:00:00+03:00'],
    ['with an offset without a colon', '2026-11-26T14:00:00+0300'],
    ['with an offset of hours', '2026-11-26T14:00:00+03'],
    ['west of Greenwich', '2026-11-26T05:30:00-05:30'],
    ['a blank for the T', '2026-11-26 11:00:00'],
    ['a blank and an offset', '2026-11-26 14:00:00 +03:00'],
    ['a blank and UTC', '2026-11-26 11:00:00 UTC'],
    ['no zone', '2026-11-26T11:00:00'],
    ['no seconds', '2026-11-26T11:00Z'],
    ['an HTTP date', 'Thu, 26 Nov 2026 11:00:00 GMT'],
    ['a date of asctime', 'Thu Nov 26 11:00:00 2026'],
    ["Microsoft's", `/Date(${IN_AN_HOUR})/`],
    ["Microsoft's with a zone", `/Date(${IN_AN_HOUR}+0300)/`],
  ];
  for (const [what, value] of same) {
    it(`${what}: ${JSON.stringify(value)}`, () => assert.equal(Math.round(secondsUntil(value, NOW)!), 3_600));
  }

  it('a date without a time is its beginning', () => assert.equal(secondsUntil('2026-11-27', NOW), 14 * 3_600));

  it('one that is past is past', () => assert.equal(secondsUntil(NOW / 1_000 - 5, NOW), -5));

  for (const value of [
    0,
    -1,
    '0',
    3_600,
    'tomorrow',
    'tomorrow 5',
    'May be 7',
    '',
    '26.11.2026',
    null,
    true,
    [],
    {},
    '2026-13-45',
    '2026-11-26T99:00:00Z',
    '0001-01-01T00:00:00Z',
    '1970-01-01T00:00:00Z',
    Infinity,
  ]) {
    it(`${JSON.stringify(value)} is not known`, () => assert.equal(secondsUntil(value, NOW), undefined));
  }

  it('takes time in proportion to its length', () => {
    // Quadratic, this would be minutes: a response may be 1 MiB long.
    const digits = '1'.repeat(500_000);
    const before = process.cpuUsage();
    for (const text of [`/Date(${digits}`, `/Date(${digits})`, `${digits}s.`, `P${digits}`])
      assert.equal(secondsUntil(text, NOW) ?? secondsOf(text), undefined);
    assert.ok(process.cpuUsage(before).user < 2_000_000);
  });

  it('is the same in every zone this may run in', () => {
    const zone = process.env['TZ'];
    process.env['TZ'] = 'Asia/Kamchatka';
    try {
      for (const [what, value] of same) assert.equal(Math.round(secondsUntil(value, NOW)!), 3_600, what);
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });
});
