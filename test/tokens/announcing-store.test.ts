import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { BroadcastingStore } from '../../src/tokens/stores/broadcasting.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { describeStoreContract, type StoreFactory } from './store-contract.ts';

interface Handle {
  readonly store: BroadcastingStore;
  readonly observed: string[];
}

/** Handles on one store, each of which hears what the others announce, as workers do. */
function workers(): StoreFactory & { handles: Handle[] } {
  const folder = temporaryFolder();
  const handles: (Handle & { hear?: (account: string) => void })[] = [];
  return {
    handles,
    async open(options = {}) {
      const observed: string[] = [];
      const store = new BroadcastingStore(
        EmbeddedStore.open(folder, { ownerIsGone: options.ownerIsGone ?? (() => false), now: options.now ?? Date.now }),
        {
          announce: (account) => handles.filter((one) => one !== handle).forEach((one) => one.hear?.(account)),
          listen: (hear) => void (handle.hear = hear),
        },
      );
      const handle: Handle & { hear?: (account: string) => void } = { store, observed: observed };
      await store.watch((account) => void observed.push(account));
      handles.push(handle);
      return store;
    },
    async cleanUp() {
      for (const { store } of handles) await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describeStoreContract('the embedded store that workers share', async () => workers());

describe('a write to the store that workers share', () => {
  it('is heard of by the others, and one that fails is not', async () => {
    const factory = workers();
    const store = await factory.open();
    await factory.open();
    assert.equal(await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') }), true);
    assert.equal(await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('y') }), false);
    assert.deepEqual(
      factory.handles.map(({ observed: observed }) => observed),
      [[], ['crm']],
    );
    await factory.cleanUp();
  });
});
