import assert from 'node:assert/strict';
import { StoreHealth } from '../../src/tokens/store-health.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

describe('whether a store is usable', () => {
  let time: VirtualTime;
  let start: number;
  let respond: () => Promise<void>;
  let checks: number;
  let health: StoreHealth;
  beforeEach(() => {
    time = new VirtualTime();
    start = time.clock.wall();
    respond = () => Promise.resolve();
    checks = 0;
    health = new StoreHealth({ check: () => ((checks += 1), respond()) }, time.clock, time.timers);
  });

  it('is what the last check has shown, since when, and why', async () => {
    assert.deepEqual(health.state, { usable: true, since: start, error: undefined });
    await time.advance(5_000);
    assert.deepEqual(await health.check(), { usable: true, since: start, error: undefined });
    respond = () => Promise.reject(new StoreError('The store cannot be written: EROFS.'));
    const down = { usable: false, since: start + 5_000, error: 'The store cannot be written: EROFS.' };
    assert.deepEqual(await health.check(), down);
    await time.advance(5_000);
    assert.deepEqual(await health.check(), down);
    respond = () => Promise.resolve();
    assert.deepEqual(await health.check(), { usable: true, since: start + 10_000, error: undefined });
    assert.deepEqual(health.state, { usable: true, since: start + 10_000, error: undefined });
  });

  it('keeps its time when only the reason changes, and shows nothing of an error that is not about a store', async () => {
    respond = () => Promise.reject(new StoreError('The store cannot be written: EROFS.'));
    await health.check();
    await time.advance(5_000);
    respond = () => Promise.reject(new TypeError('secret'));
    assert.deepEqual(await health.check(), { usable: false, since: start, error: 'The store cannot be used.' });
  });

  it('is found out by one check at a time', async () => {
    let done!: () => void;
    respond = () => new Promise((resolve) => (done = resolve));
    const both = [health.check(), health.check()];
    await settled();
    assert.equal(checks, 1);
    done();
    const [one, other] = await Promise.all(both);
    assert.equal(one, other);
    respond = () => Promise.resolve();
    await health.check();
    assert.equal(checks, 2);
  });

  it('is no when the store has not responded for 5 s', async () => {
    respond = () => new Promise(() => undefined);
    const checked = health.check();
    await time.advance(4_999);
    assert.equal(health.state.usable, true);
    await time.advance(1);
    assert.deepEqual(await checked, {
      usable: false,
      since: start + 5_000,
      error: 'The store has not responded within 5 s.',
    });
  });

  it('keeps no process alive while it is checked, and leaves no timer behind', async () => {
    const timers: { readonly background: boolean | undefined; isPending: boolean }[] = [];
    const watched = new StoreHealth({ check: () => respond() }, time.clock, {
      after(_ms, _action, background) {
        const timer = { background, isPending: true };
        timers.push(timer);
        return () => void (timer.isPending = false);
      },
    });
    await watched.check();
    respond = () => Promise.reject(new StoreError('away'));
    await watched.check();
    assert.deepEqual(
      timers,
      timers.map(() => ({ background: true, isPending: false })),
    );
    assert.equal(timers.length, 2);
  });
});
