import assert from 'node:assert/strict';
import type { Outcome } from '../../src/tokens/credential.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { VirtualTime } from '../support/virtual-time.ts';

/**
 * A manager whose second token was stored in the background, by a write whose reply has not arrived. `third`: the
 * outcome of the next refresh.
 */
export async function lateReply(third: () => Outcome | Promise<Outcome> = granted) {
  const time = new VirtualTime();
  const credential: ReturnType<typeof fakeCredential> = fakeCredential(
    {},
    granted(),
    () => {
      store.failing.add('replace');
      return granted();
    },
    third,
  );
  const { manager, store } = await managed(credential, { ...time, owner: 'this process' });
  const second = await manager.renew('crm', await manager.get('crm'));
  store.failing.clear();
  let reply!: () => void;
  const replace = store.replace.bind(store);
  store.replace = async (...args) => {
    store.replace = replace;
    const written = await replace(...args);
    await new Promise<void>((resolve) => (reply = resolve));
    return written;
  };
  await time.advance(200);
  assert.equal(store.records.get('crm')?.generation, 2);
  return { time, credential, manager, store, second, reply: () => reply() };
}
