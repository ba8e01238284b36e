import assert from 'node:assert/strict';
import { FLIGHT_MS } from '../../src/deadlines.ts';
import { systemTimers } from '../../src/tokens/clock.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import { eventually } from '../support/eventually.ts';
import { failed, fakeCredential, granted, managed } from '../support/credential.ts';

/** Timers whose deadline of a flight ends when the test says so. */
function manualFlights() {
  const deadlines: (() => void)[] = [];
  const timers = {
    after: (ms: number, action: () => void, background?: boolean) => {
      if (ms !== FLIGHT_MS) return systemTimers.after(ms, action, background);
      deadlines.push(action);
      return () => undefined;
    },
  };
  return { timers, endFlights: () => deadlines.splice(0).forEach((end) => end()) };
}

describe('a renewal that no request waits for any more, and the next one of its process', () => {
  it('keep the lease until both have ended, and count one login for the one that is made', async () => {
    const { timers, endFlights } = manualFlights();
    let respond!: (outcome: Outcome) => void;
    const budget = { key: 'logins', logins: 10, window: 86_400_000, reserve: 2 };
    const credential = fakeCredential(
      { budget },
      granted(),
      failed({ reason: 'timeout', maybeSpent: true }),
      () => new Promise<Outcome>((resolve) => (respond = resolve)),
    );
    const { manager, store } = await managed(credential, { owner: 'this process', timers });
    const first = await manager.get('crm');
    // The first renewal stands still where it writes the note of its login, after a refresh that may have been spent.
    let goOn: (() => void) | undefined;
    store.beforeReplace = () => {
      if (credential.calls.at(-1) !== 'refresh' || goOn !== undefined) return undefined;
      return new Promise<void>((resolve) => (goOn = resolve));
    };
    const abandoned = Promise.resolve(manager.renew('crm', first));
    await eventually('the first is about to log in', () => goOn !== undefined);
    endFlights();
    await assert.rejects(abandoned);
    const second = Promise.resolve(manager.renew('crm', first));
    await eventually('the second logs in', () => credential.calls.length === 3);
    goOn!();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(store.leases.get('crm')?.owner, 'this process');
    assert.equal(store.debits.get('logins')?.length, 2);
    respond(granted());
    assert.equal((await second).generation, 2);
    await eventually('the lease is released', () => !store.leases.has('crm'));
    assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
  });
});

describe('a token that two processes write back into an emptied store at the same moment', () => {
  it('is renewed all the same', async () => {
    const credential = fakeCredential({}, granted(), granted());
    const { manager, store } = await managed(credential);
    const first = await manager.get('crm');
    store.records.clear();
    let others = 0;
    store.beforeReplace = (account, next) => {
      others += 1;
      if (others === 1) store.records.set(account, next);
    };
    assert.equal((await manager.renew('crm', first)).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });
});
