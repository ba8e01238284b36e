import assert from 'node:assert/strict';
import { FLIGHT_MS, LEASE_SAFE_MS } from '../../src/deadlines.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import type { FakeClock } from '../support/clock.ts';
import { failed, fakeCredential, granted } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const another = { owner: 'another process', until: Infinity };

/** A renewal whose process stands still for a while; then another process has the lease. */
async function standingStill(when: 'before its note' | 'while its note is written', still: (clock: FakeClock) => void) {
  const credential = fakeCredential();
  const { manager, store, clock, token, error } = await inVirtualTime(credential);
  const first = await token(() => manager.get('crm'));
  const stop = (): void => {
    still(clock);
    store.leases.set('crm', another);
  };
  if (when === 'while its note is written') {
    store.beforeReplace = () => {
      store.beforeReplace = undefined;
      stop();
    };
  } else {
    const acquireLease = store.acquireLease.bind(store);
    store.acquireLease = async (...args) => {
      store.acquireLease = acquireLease;
      const granted = await acquireLease(...args);
      stop();
      return granted;
    };
  }
  const request = () => manager.renew('crm', first);
  return { request, token, error, credential };
}

describe('a renewal whose process stands still after it has got the lease', () => {
  const STILL: Record<string, (clock: FakeClock, ms: number) => void> = {
    'with the machine, whose monotonic clock stands still too': (clock, ms) => clock.jump(ms),
    'alone, while both clocks go on': (clock, ms) => clock.pass(ms),
  };
  for (const [how, still] of Object.entries(STILL)) {
    it(`${how}: makes no call if the lease may be over when its note is written`, async () => {
      const { request, error, credential } = await standingStill('while its note is written', (clock) =>
        still(clock, LEASE_SAFE_MS + 1),
      );
      const { code, retryAfter, detail } = await error(request);
      assert.deepEqual([code, retryAfter, credential.calls], ['token_unavailable', 1, ['login']]);
      assert.match(detail ?? '', /^account crm: its renewal was interrupted/);
    });

    it(`${how}: makes its call if the lease is certain to last`, async () => {
      const { request, token, credential } = await standingStill('while its note is written', (clock) =>
        still(clock, LEASE_SAFE_MS),
      );
      assert.equal((await token(request)).generation, 2);
      assert.deepEqual(credential.calls, ['login', 'refresh']);
    });
  }

  it('makes no call either if it stood still before it wrote its note', async () => {
    const { request, error, credential } = await standingStill('before its note', (clock) =>
      clock.pass(LEASE_SAFE_MS + 1),
    );
    assert.deepEqual([(await error(request)).retryAfter, credential.calls], [1, ['login']]);
  });

  it('makes its call if it stood still before that, and the lease is certain to last', async () => {
    const { request, token, credential } = await standingStill('before its note', (clock) => clock.pass(LEASE_SAFE_MS));
    assert.equal((await token(request)).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });
});

describe('a renewal that no request waits for any more', () => {
  it('makes no call beside that of the next renewal of its process, and its login does not count', async () => {
    const budget = { key: 'logins', logins: 10, window: 86_400_000, reserve: 2 };
    let respond!: (outcome: Outcome) => void;
    const credential = fakeCredential(
      { budget },
      granted(),
      failed({ reason: 'timeout', maybeSpent: true }),
      () => new Promise<Outcome>((resolve) => (respond = resolve)),
    );
    const { manager, store, time, token, error } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    // It stands still where it writes the note of its login.
    let goOn: (() => void) | undefined;
    store.beforeReplace = () => {
      if (credential.calls.at(-1) !== 'refresh' || goOn !== undefined) return undefined;
      return new Promise<void>((resolve) => (goOn = resolve));
    };
    await error(() => manager.renew('crm', first));
    assert.ok(time.clock.monotonic() >= FLIGHT_MS);
    const second = Promise.resolve(manager.renew('crm', first));
    await settled();
    assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
    goOn!();
    await settled();
    assert.equal(store.debits.get('logins')?.length, 2);
    respond(granted());
    assert.equal((await second).generation, 2);
    await settled();
    assert.deepEqual([credential.calls, store.leases.size], [['login', 'refresh', 'login'], 0]);
  });
});
