import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TokenManager, type TokenObserver } from '../../../src/tokens/manager.ts';
import { Records } from '../../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../../src/tokens/seal.ts';
import { EmbeddedStore } from '../../../src/tokens/stores/embedded.ts';
import { FakeClock } from '../../support/clock.ts';
import { failed, granted, fakeCredential, type FakeCredential } from '../../support/credential.ts';
import { messageOf, type Tally } from '../../harness/tally.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const JUMPS = [
  ['one hour ahead', HOUR],
  ['one hour back', -HOUR],
  ['one day ahead', DAY],
  ['one day back', -DAY],
] as const;

const SEAL = new Seal(sealingKey(randomBytes(32).toString('base64')));
const SILENT: TokenObserver = {
  renewed: () => undefined,
  suppressed: () => undefined,
  changed: () => undefined,
  storeFailed: () => undefined,
};

interface Scene {
  readonly manager: TokenManager;
  readonly credential: FakeCredential;
  readonly clock: FakeClock;
  readonly store: EmbeddedStore;
  /** One more manager over the same store. */
  restart(): Promise<TokenManager>;
}

/** The wall clock is set while a token lives, while a pause runs, while a lease is held, between two processes. */
export async function clocks(tally: Tally): Promise<void> {
  for (const [name, jump] of JUMPS) {
    const run = async (what: string, act: (scene: Scene) => Promise<string | undefined>): Promise<void> => {
      const wrong = await inScene(act).catch(messageOf);
      tally.count(`clock ${name}: ${what}`, wrong);
    };
    await run('a fresh token is usable, and asked for once', async ({ manager, credential, clock }) => {
      clock.jump(jump);
      const token = await manager.get('crm');
      const again = await manager.get('crm');
      return token === again && credential.calls.length === 1 ? undefined : credential.calls.join();
    });
    await run('a living token costs at most one renewal', async ({ manager, credential, clock }) => {
      await manager.get('crm');
      clock.jump(jump);
      await manager.get('crm');
      await manager.get('crm');
      return credential.calls.length <= (jump > 0 ? 2 : 1) ? undefined : credential.calls.join();
    });
    await run('a token is not used beyond its life', async ({ manager, credential, clock }) => {
      const old = await manager.get('crm');
      clock.jump(jump);
      clock.pass(HOUR + 1_000);
      const newer = await manager.get('crm');
      return newer.generation > old.generation && credential.calls.length <= 3
        ? undefined
        : `generation ${newer.generation}, ${credential.calls.join()}`;
    });
    await run('a pause is not prolonged beyond the longest', async ({ manager, credential, clock }) => {
      credential.answers.push(failed(), failed(), granted());
      await Promise.resolve(manager.get('crm')).then(
        () => undefined,
        () => undefined,
      );
      clock.jump(jump);
      clock.pass(10 * 60_000 + 1_000);
      return (await manager.get('crm')).generation === 1 ? undefined : 'no token';
    });
    await run('a lease of before binds nobody for ever', async ({ manager, clock, store }) => {
      await store.acquireLease('crm', 'somebody/1', 30_000);
      clock.jump(jump);
      clock.pass(31_000);
      return (await manager.get('crm')).generation === 1 ? undefined : 'no token';
    });
    await run('a restart keeps the token or renews it once', async ({ manager, credential, clock, restart }) => {
      await manager.get('crm');
      clock.jump(jump);
      const next = await restart();
      await next.get('crm');
      await next.get('crm');
      return credential.calls.length <= (jump > 0 ? 2 : 1) ? undefined : credential.calls.join();
    });
  }
}

/** Lifetimes, in seconds, that an answer may claim and nobody should believe. */
const ABSURD = [0, -1, -1e12, 0.001, 1e12, Number.MAX_SAFE_INTEGER] as const;

/** Whatever lifetime is claimed, a fresh token is used, no renewal follows on another, and none lasts for ever. */
export async function absurdLifetimes(tally: Tally): Promise<void> {
  for (const lifetime of ABSURD) {
    const wrong = await inScene(async ({ manager, credential, clock, restart }) => {
      for (let call = 0; call < 50; call += 1) credential.answers.push(granted({ lifetime }));
      await manager.get('crm');
      await manager.get('crm');
      if (lifetime !== 0.001 && credential.calls.length !== 1)
        return `${credential.calls.length} calls for a token that has just come`;
      const next = await restart();
      await next.get('crm');
      if (lifetime !== 0.001 && credential.calls.length !== 1)
        return `${credential.calls.length} calls after a restart`;
      clock.pass(32 * DAY);
      const before = credential.calls.length;
      await next.get('crm');
      return credential.calls.length === before + 1 ? undefined : 'it is still in use after a month';
    }).catch(messageOf);
    tally.count(`lifetime ${lifetime} s`, wrong);
  }
}

async function inScene(act: (scene: Scene) => Promise<string | undefined>): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-clock-'));
  const clock = new FakeClock();
  const store = EmbeddedStore.open(folder, { ownerIsGone: () => false, now: () => clock.wall() });
  try {
    const credential = fakeCredential();
    const start = async (): Promise<TokenManager> => {
      const manager = new TokenManager([credential], {
        store,
        records: new Records(store, SEAL, clock),
        clock,
        observer: SILENT,
      });
      await manager.load();
      return manager;
    };
    return await act({ manager: await start(), credential, clock, store, restart: start });
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
