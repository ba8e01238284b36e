import { fakeCredential, managed, type FakeCredential, type Managed } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

/** A store that tells of writes, and of its own return, when the test says so. It counts what is read. */
export class AnnouncingStore extends MemoryStore {
  reads = 0;
  /** Another process has raised this account's generation. */
  announce!: (account: string) => void;
  /** The connection is back, and the store may be another one by now. */
  isBack!: () => void;

  async watch(listener: (account: string) => void, mayHaveChanged: () => void): Promise<void> {
    this.announce = listener;
    this.isBack = mayHaveChanged;
  }

  override async read(account: string): ReturnType<MemoryStore['read']> {
    this.reads += 1;
    return super.read(account);
  }
}

/** A manager that hears of what others write. */
export async function listening(
  credential: FakeCredential,
): Promise<Managed & { store: AnnouncingStore; time: VirtualTime }> {
  const [store, time] = [new AnnouncingStore(), new VirtualTime()];
  return { ...(await managed(credential, { ...time, store })), store, time };
}

/** Another process over the same store renews the account's token, or obtains the first, and tells of it. */
export async function renewElsewhere(
  { store, time }: { store: AnnouncingStore; time: VirtualTime },
  credential = fakeCredential(),
): Promise<void> {
  const there = Object.assign(new MemoryStore(), { records: store.records });
  const { manager } = await managed(credential, { ...time, store: there, owner: 'another process' });
  await manager.renewNow(credential.account);
  store.announce(credential.account);
  await settled();
}
