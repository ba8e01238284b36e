import assert from 'node:assert/strict';
import { SingleFlight } from '../../src/tokens/single-flight.ts';

/** A promise with its two ends. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const late = (): Error => new Error('too late');

describe('a single flight', () => {
  it('runs once for all who ask meanwhile, and again for those after', async () => {
    const flight = new SingleFlight<number>();
    const first = deferred<number>();
    let runs = 0;
    const work = (): Promise<number> => {
      runs += 1;
      return first.promise;
    };
    const waiting = Array.from({ length: 1_000 }, () => flight.run(work, 1_000, late));
    assert.equal(flight.busy, true);
    first.resolve(7);
    assert.deepEqual([...new Set(await Promise.all(waiting))], [7]);
    assert.equal(runs, 1);
    assert.equal(flight.busy, false);
    assert.equal(await flight.run(async () => 8, 1_000, late), 8);
  });

  it('gives everybody the same failure, and is free afterwards', async () => {
    const flight = new SingleFlight<number>();
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => flight.run(async () => Promise.reject(new Error('no')), 1_000, late)),
    );
    assert.ok(results.every((result) => result.status === 'rejected' && (result.reason as Error).message === 'no'));
    assert.equal(flight.busy, false);
  });

  it('work that throws at once is a failure like any other', async () => {
    const flight = new SingleFlight<number>();
    await assert.rejects(
      async () =>
        flight.run(
          () => {
            throw new Error('at once');
          },
          1_000,
          late,
        ),
      /at once/,
    );
    assert.equal(flight.busy, false);
  });

  it('past its deadline the waiters are told and the slot is free, though the work never ends', async () => {
    const flight = new SingleFlight<number>();
    const never = deferred<number>();
    const results = await Promise.allSettled([
      flight.run(() => never.promise, 20, late),
      flight.run(() => never.promise, 20, late),
    ]);
    assert.ok(
      results.every((result) => result.status === 'rejected' && (result.reason as Error).message === 'too late'),
    );
    assert.equal(flight.busy, false);
    assert.equal(await flight.run(async () => 9, 1_000, late), 9);
  });

  it('late work does not clear the slot of its successor', async () => {
    const flight = new SingleFlight<number>();
    const [first, second] = [deferred<number>(), deferred<number>()];
    await assert.rejects(flight.run(() => first.promise, 10, late));
    const next = flight.run(() => second.promise, 5_000, late);
    first.resolve(1);
    await new Promise(setImmediate);
    assert.equal(flight.busy, true);
    second.resolve(2);
    assert.equal(await next, 2);
    assert.equal(flight.busy, false);
  });

  it("late work that fails is nobody's unhandled rejection", async () => {
    const flight = new SingleFlight<number>();
    const work = deferred<number>();
    await assert.rejects(
      flight.run(() => work.promise, 10, late),
      /too late/,
    );
    work.reject(new Error('nobody hears this'));
    await new Promise(setImmediate);
  });
});
