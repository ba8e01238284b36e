import assert from 'node:assert/strict';
import { LEASE_WAIT_MS } from '../../src/deadlines.ts';
import { AccountBusyError, holdingLease } from '../../src/tokens/held-lease.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

describe("a command's work on an account", () => {
  let store: MemoryStore;
  let time: VirtualTime;
  beforeEach(() => {
    store = new MemoryStore();
    time = new VirtualTime();
  });

  const held = <T>(work: () => Promise<T>, wait?: number): Promise<T> =>
    holdingLease(store, 'crm', { owner: 'command', ...time, ...(wait !== undefined && { wait }) }, work);
  const owner = (): string | undefined => store.leases.get('crm')?.owner;
  const renewing = (): void => void store.leases.set('crm', { owner: 'a renewal', until: Infinity });

  it('waits until the lease is free, runs under it, and releases it', async () => {
    renewing();
    const owners: (string | undefined)[] = [];
    const done = held(async () => {
      owners.push(owner());
      await settled();
      owners.push(owner());
      return 'its result';
    });
    await time.advance(LEASE_WAIT_MS - 1_000);
    assert.deepEqual([owners, owner()], [[], 'a renewal']);
    await store.releaseLease('crm', 'a renewal');
    await time.advance(200);
    assert.equal(await done, 'its result');
    assert.deepEqual([owners, owner()], [['command', 'command'], undefined]);
  });

  it('that fails releases the lease as well', async () => {
    await assert.rejects(
      held(() => Promise.reject(new Error('its failure'))),
      /its failure/,
    );
    assert.equal(owner(), undefined);
  });

  it('is not begun if the lease does not become free in time, and leaves it to its owner', async () => {
    renewing();
    let begun = false;
    let ended = false;
    const busy = assert
      .rejects(
        held(async () => void (begun = true), 5_000),
        (error: unknown) =>
          error instanceof AccountBusyError && error.name === 'AccountBusyError' && error.message.includes('crm'),
      )
      .finally(() => (ended = true));
    await time.advance(4_900);
    assert.equal(ended, false);
    await time.advance(100);
    await settled();
    assert.equal(ended, true);
    await busy;
    assert.deepEqual([begun, owner()], [false, 'a renewal']);
  });
});
