import assert from 'node:assert/strict';
import { LEASE_TTL_MS, LEASE_WAIT_MS } from '../../src/deadlines.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { fakeCredential, granted } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { inVirtualTime, type InVirtualTime } from './in-virtual-time.ts';

/** An account with a first token, whose renewal meets another process. */
async function world(options: { random?: () => number } = {}, credential = fakeCredential({}, granted())) {
  const all: InVirtualTime = await inVirtualTime(credential, { owner: 'this process', ...options });
  const { store, clock, manager } = all;
  const first = await all.token(() => manager.get('crm'));
  await settled();
  const theirs = { owner: 'another process', until: Infinity };
  /** Monotonic ms of each request of this process for the lease, and how often it was released. */
  const lease = { requests: [] as number[], releases: 0 };
  const start = clock.monotonic();
  const acquireLease = store.acquireLease.bind(store);
  /** Runs before each request for the lease. */
  const before: { lease?: (() => void | Promise<void>) | undefined } = {};
  store.acquireLease = async (...args) => {
    if (args[1] === 'this process') {
      lease.requests.push(clock.monotonic() - start);
      await before.lease?.();
    }
    return acquireLease(...args);
  };
  const releaseLease = store.releaseLease.bind(store);
  store.releaseLease = async (...args) => {
    lease.releases += 1;
    return releaseLease(...args);
  };
  return {
    ...all,
    credential,
    first,
    lease,
    before,
    takeLease: () => void store.leases.set('crm', theirs),
    /** The other process stores its token. */
    storeTheirs: () => all.bring('theirs', 'their refresh token'),
    passed: () => clock.monotonic() - start,
    request: () => manager.renew('crm', first),
  };
}

describe('a renewal while another process has the lease', () => {
  it('waits for it for as long as a renewal takes, and tells callers to come again in a second', async () => {
    const { error, request, takeLease, credential, passed, lease } = await world();
    takeLease();
    const { code, retryAfter, detail } = await error(request);
    assert.deepEqual([code, retryAfter, passed()], ['token_unavailable', 1, LEASE_WAIT_MS]);
    assert.match(detail ?? '', /^account crm: another process is renewing it/);
    assert.deepEqual([credential.calls, lease.releases], [['login'], 0]);
  });

  for (const [random, interval] of [
    [0, 50],
    [1, 150],
  ] as const)
    it(`asks for it every 50 to 150 ms, so that several processes do not ask together: ${interval}`, async () => {
      const { error, request, takeLease, lease } = await world({ random: () => random });
      takeLease();
      await error(request);
      assert.deepEqual(lease.requests.slice(0, 4), [0, interval, 2 * interval, 3 * interval]);
    });

  it('takes over its token as soon as that is stored, before the lease is free', async () => {
    const { token, request, takeLease, storeTheirs, before, store, lease, credential, passed } = await world();
    takeLease();
    before.lease = async () => {
      if (lease.requests.length !== 3) return;
      store.leases.clear();
      await storeTheirs();
      takeLease();
      lease.releases = 0;
    };
    assert.equal((await token(request)).reveal(), 'theirs');
    assert.deepEqual([credential.calls, passed()], [['login'], 300]);
    await settled();
    assert.equal(lease.releases, 0, 'a lease that was never had is not released');
  });

  it('waits no longer when the process ends', async () => {
    const { error, request, takeLease, manager, time, credential } = await world();
    takeLease();
    const asked = error(request);
    await time.advance(1_000);
    const closed = manager.close();
    const { code, retryAfter } = await asked;
    await closed;
    assert.deepEqual([code, retryAfter, credential.calls], ['shutting_down', 1, ['login']]);
  });

  it('makes the call itself once the lease is free', async () => {
    const { token, request, takeLease, before, store, lease, credential, passed } = await world();
    takeLease();
    before.lease = () => {
      if (lease.requests.length === 4) store.leases.clear();
    };
    assert.equal((await token(request)).generation, 2);
    assert.deepEqual([credential.calls, passed()], [['login', 'refresh'], 300]);
  });
});

describe('a renewal when another process has just stored a newer token', () => {
  it('takes it over at once, without the lease', async () => {
    const { token, request, takeLease, storeTheirs, lease, passed, credential } = await world();
    await storeTheirs();
    lease.requests.length = 0;
    takeLease();
    assert.equal((await token(request)).reveal(), 'theirs');
    assert.deepEqual([lease.requests, passed(), credential.calls], [[], 0, ['login']]);
  });

  it('takes it over also if it was stored just before this process had the lease', async () => {
    const { token, request, storeTheirs, before, credential } = await world();
    before.lease = async () => {
      before.lease = undefined;
      await storeTheirs();
    };
    assert.equal((await token(request)).reveal(), 'theirs');
    assert.deepEqual(credential.calls, ['login']);
  });

  it('takes it over also if it was stored at the moment of the spend note', async () => {
    const { token, request, takeLease, storeTheirs, store, lease, credential } = await world();
    store.beforeReplace = async () => {
      store.beforeReplace = undefined;
      store.leases.clear();
      await storeTheirs();
      takeLease();
    };
    assert.equal((await token(request)).reveal(), 'theirs');
    assert.deepEqual([credential.calls, lease.requests], [['login'], [0]]);
  });

  it('goes on if that was only a note, and this process still has the lease', async () => {
    const { token, request, store, leave, credential } = await world();
    store.beforeReplace = async () => {
      store.beforeReplace = undefined;
      await leave({ failures: 1 });
    };
    assert.equal((await token(request)).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('makes no call if that was only a note, and the other process has the lease', async () => {
    const { error, request, takeLease, store, leave, credential } = await world();
    store.beforeReplace = async () => {
      store.beforeReplace = undefined;
      takeLease();
      await leave({ failures: 1 });
    };
    const { code, retryAfter, detail } = await error(request);
    assert.deepEqual([code, retryAfter, credential.calls], ['token_unavailable', 1, ['login']]);
    assert.match(detail ?? '', /^account crm: another process/);
  });
});

describe('the lease of a renewal', () => {
  it('is prolonged while the call lasts, and not after it', async () => {
    let respond!: (outcome: Outcome) => void;
    const slow = (): Promise<Outcome> => new Promise((resolve) => (respond = resolve));
    const { request, time, lease } = await world({}, fakeCredential({}, granted(), slow));
    const renewed = Promise.resolve(request());
    await time.advance(2.5 * (LEASE_TTL_MS / 3));
    assert.deepEqual(lease.requests, [0, LEASE_TTL_MS / 3, (2 * LEASE_TTL_MS) / 3]);
    respond(granted());
    await renewed;
    await time.advance(3 * LEASE_TTL_MS);
    assert.deepEqual([lease.requests.length, lease.releases], [3, 1]);
  });

  it('that the store cannot give fails the request, and is reported as such', async () => {
    const { error, request, store, observed, credential } = await world();
    store.failing.add('acquireLease');
    assert.equal((await error(request)).code, 'store_unavailable');
    assert.deepEqual([observed.storeFailed, credential.calls], [['lease'], ['login']]);
  });

  it('that the store cannot give a second time, after a note of another process, is reported as well', async () => {
    const { error, request, store, observed, credential, leave } = await world();
    store.beforeReplace = async () => {
      store.beforeReplace = undefined;
      store.acquireLease = async () => {
        throw new StoreError('away');
      };
      await leave({ failures: 1 });
    };
    assert.equal((await error(request)).code, 'store_unavailable');
    assert.deepEqual([observed.storeFailed, credential.calls], [['lease'], ['login']]);
  });
});
