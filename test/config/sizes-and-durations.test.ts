import assert from 'node:assert/strict';
import { load, said, smallest } from '../support/config.ts';

const SIZES: readonly (readonly [written: string, bytes: number])[] = [
  ['0', 0],
  ['4096', 4096],
  ['"4096"', 4096],
  ['512 B', 512],
  ['64 KiB', 65_536],
  ['64KiB', 65_536],
  ['"64 kib"', 65_536],
  ['8 MiB', 8_388_608],
  ['1 GiB', 1_073_741_824],
];
const DURATIONS: readonly (readonly [written: string, milliseconds: number])[] = [
  ['0', 0],
  ['30', 30_000],
  ['"30"', 30_000],
  ['1.5', 1_500],
  ['500ms', 500],
  ['30s', 30_000],
  ['30 s', 30_000],
  ['1.5s', 1_500],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['24h', 86_400_000],
];

describe('sizes and durations', () => {
  for (const [written, bytes] of SIZES) {
    it(`${written} is ${bytes} bytes`, () =>
      assert.equal(load(smallest({ route: `maxBody: ${written}` })).routes[0]!.maxBody, bytes));
  }
  for (const written of ['8 MB', '1.5 MiB', '8M', 'many', '1 KiB 2', '-1 KiB', '1.5', 'true', '[1]', '{}']) {
    it(`${written} is no size`, () =>
      assert.deepEqual(said(smallest({ route: `maxBody: ${written}` })), [
        'routes.0.maxBody: must be a whole number of bytes, or a size such as "64 KiB" or "8 MiB"',
      ]));
  }
  for (const [written, milliseconds] of DURATIONS) {
    it(`${written} is ${milliseconds} ms`, () =>
      assert.equal(load(smallest({ route: `timeouts: { idle: ${written} }` })).routes[0]!.timeouts.idle, milliseconds));
  }
  for (const written of ['30 sec', '1d', 'never', '-5s', '1h30m', '.5s', 'true', '[1]']) {
    it(`${written} is no duration`, () =>
      assert.deepEqual(said(smallest({ route: `timeouts: { idle: ${written} }` })), [
        'routes.0.timeouts.idle: must be seconds, or a duration such as "500ms", "30s", "5m", "1h"',
      ]));
  }

  it('durations are taken wherever seconds are, and numbers stay seconds', () => {
    const flow = (lifetime: string, per: string, grace: string): unknown[] => {
      const {
        lifetime: life,
        budget,
        rotationGrace,
      } = load(
        smallest({ account: `lifetime: ${lifetime}, budget: { logins: 5, per: ${per} }, rotationGrace: ${grace}` }),
      ).flowOf.get('shop')!;
      return [life, budget![0]!.per, rotationGrace];
    };
    assert.deepEqual(flow('1800', '86400', '600'), [1_800, 86_400, 600]);
    assert.deepEqual(flow('30m', '24h', '30m'), [1_800, 86_400, 1_800]);
    assert.deepEqual(flow('"90"', '1.5h', '0'), [90, 5_400, 0]);
    const own = load(
      `flows: { own: { extends: static, lifetime: 30m, rotationGrace: 24h, busy: [{ status: 403, wait: 10m }], budget: { logins: 5, per: 10m } } }\n${smallest({})}`,
    ).knownFlows.get('own')!;
    assert.deepEqual(
      [own.lifetime, own.rotationGrace, own.busy[0]!.wait, own.budget![0]!.per],
      [1_800, 86_400, 600, 600],
    );
  });

  it('negative numbers are neither', () => {
    assert.deepEqual(said(smallest({ route: 'maxBody: -1, timeouts: { idle: -1 }' })), [
      'routes.0.maxBody: must be at least 0',
      'routes.0.timeouts.idle: must be at least 0',
    ]);
  });

  it('have upper bounds where more would not work', () => {
    // setTimeout takes what is beyond 2³¹ ms for "now".
    assert.deepEqual(said(smallest({ route: 'timeouts: { idle: 1000h }' })), [
      'routes.0.timeouts.idle: must be at most 24h',
    ]);
    assert.deepEqual(said(smallest({ top: 'shutdown: { drain: 86401 }' })), ['shutdown.drain: must be at most 24h']);
    assert.deepEqual(said(smallest({ route: 'maxReplayBody: 9 MiB' })), [
      'routes.0.maxReplayBody: must be at most 8 MiB',
    ]);
  });

  it('are taken from the environment as text', () => {
    const config = load(smallest({ route: 'maxBody: "${MOST}", timeouts: { idle: "${IDLE}" }' }), {
      MOST: '1 MiB',
      IDLE: '90',
    });
    assert.deepEqual([config.routes[0]!.maxBody, config.routes[0]!.timeouts.idle], [1_048_576, 90_000]);
  });
});
