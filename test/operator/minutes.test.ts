import assert from 'node:assert/strict';
import { Metrics } from '../../src/metrics.ts';
import { describeMinute, MinuteRings, sumOfMinutes } from '../../src/operator/minutes.ts';
import { FakeClock } from '../support/clock.ts';

describe('the last hour of a route', () => {
  const clock = new FakeClock();
  let metrics: Metrics;
  let rings: MinuteRings;
  beforeEach(() => {
    clock.jump(60_000 - (clock.wall() % 60_000));
    metrics = new Metrics('x');
    rings = new MinuteRings(metrics, clock);
  });
  afterEach(() => rings.close());

  it('has each minute by itself, the present one too, and none without requests', () => {
    const stats = metrics.route('/crm');
    const begun = clock.wall();
    stats.countFinished(200, 0.003);
    stats.countFinished(404, 0.003);
    stats.upstream.add(0.0005);
    assert.deepEqual(rings.ofRoute('/crm').map(describeMinute), [
      { at: begun, requests: 2, errorsOurs: 0, errorsTheirs: 1, p50: 3.75, p95: 4.88, upstreamP50: 0.5 },
    ]);
    // In a real process a timer looks each minute.
    for (let minute = 0; minute < 2; minute += 1) {
      clock.pass(60_000);
      assert.equal(rings.ofRoute('/crm').length, 1);
    }
    stats.countFinished(503, 2);
    stats.countError('token_unavailable');
    stats.countFinished(499, 1);
    const [first, last, ...others] = rings.ofRoute('/crm');
    assert.deepEqual(others, []);
    assert.equal(first!.requests, 2);
    assert.deepEqual(
      [last!.at, last!.requests, last!.errorsOurs, last!.errorsTheirs, last!.codes],
      [begun + 120_000, 2, 1, 0, { token_unavailable: 1 }],
    );
    assert.deepEqual(rings.ofRoute('/other'), []);
  });

  it('forgets a minute after an hour', () => {
    metrics.route('/crm').countFinished(200, 0.003);
    for (let minute = 1; minute < 60; minute += 1) {
      clock.pass(60_000);
      assert.equal(rings.ofRoute('/crm').length, 1, `after ${minute} min`);
    }
    clock.pass(60_000);
    assert.deepEqual(rings.ofRoute('/crm'), []);
  });

  it('of several processes is one: counts add up, and percentiles are those of all requests', () => {
    const other = new Metrics('x');
    const others = new MinuteRings(other, clock);
    for (let index = 0; index < 9; index += 1) metrics.route('/crm').countFinished(200, 0.003);
    other.route('/crm').countFinished(500, 20);
    const [minute] = sumOfMinutes([rings.ofRoute('/crm'), others.ofRoute('/crm')]).map(describeMinute);
    others.close();
    assert.deepEqual([minute!.requests, minute!.errorsTheirs, minute!.p50], [10, 1, 3.89]);
    assert.ok(minute!.p95! > 10_000);
  });

  it('counts what a caller has done in the last five minutes', () => {
    const caller = metrics.caller('etl');
    caller.admitted += 3;
    caller.refused += 1;
    for (let minute = 0; minute < 5; minute += 1) {
      assert.deepEqual(rings.ofCaller('etl'), { admitted: 3, refused: 1 }, `after ${minute} min`);
      clock.pass(60_000);
    }
    caller.admitted += 2;
    assert.deepEqual(rings.ofCaller('etl'), { admitted: 2, refused: 0 });
  });
});
