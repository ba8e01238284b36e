import type { Credential } from '../../src/tokens/credential.ts';
import { fakeCredential, granted, managed, type Managed } from '../support/credential.ts';
import { VirtualTime } from '../support/virtual-time.ts';

export interface UnsavedToken extends Managed {
  readonly time: VirtualTime;
  readonly credential: ReturnType<typeof fakeCredential>;
  /** Virtual ms from the grant to each try to store it. */
  readonly tries: number[];
  /** Lets the store be used again. */
  heal(): void;
}

/**
 * A manager of `this process` whose second token, `ours`, was granted while the store cannot be used at all, so that
 * nothing but the time decides when it is offered to the store.
 */
export async function unsavedToken(
  change: Partial<Credential> = {},
  options: Omit<Parameters<typeof managed>[1] & object, 'clock' | 'timers'> = {},
): Promise<UnsavedToken> {
  const time = new VirtualTime();
  const credential = fakeCredential(change);
  const world = await managed(credential, { owner: 'this process', ...options, ...time });
  const first = await world.manager.get('crm');
  credential.answers.push(() => {
    world.store.failing.add('replace').add('check');
    return granted({ secret: 'ours', lifetime: 86_400 });
  });
  await world.manager.renew('crm', first);
  const grantedAt = time.clock.monotonic();
  const tries: number[] = [];
  const acquireLease = world.store.acquireLease.bind(world.store);
  world.store.acquireLease = async (account, owner, ttl) => {
    if (owner === 'this process') tries.push(time.clock.monotonic() - grantedAt);
    return acquireLease(account, owner, ttl);
  };
  return { ...world, time, credential, tries, heal: () => world.store.failing.clear() };
}
