import { setTimeout as sleep } from 'node:timers/promises';
import { managed, fakeCredential } from '../../support/credential.ts';
import { FakeClock } from '../../support/clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { loginsIn, mark } from '../join.ts';
import { MODES } from '../modes.ts';
import type { Tally } from '../../harness/tally.ts';
import { Stage } from '../stage.ts';

const EVERY = 2_000;
const FIVE_MINUTES = 300_000;

/**
 * A process that dies every two seconds, at the worst of moments: the login is made, its answer read, nothing stored.
 */
export async function crashLoop(tally: Tally, milliseconds: number): Promise<void> {
  const logins = await Stage.with(MODES[3]!, {}, async (stage) => {
    const end = performance.now() + milliseconds;
    for (;;) {
      const startedAt = performance.now();
      await stage.child.arm('P6', 'SIGKILL');
      void stage.send();
      await sleep(Math.max(0, EVERY - (performance.now() - startedAt)));
      if (performance.now() > end) return loginsIn(stage.ledger, 0);
      await stage.restart();
    }
  });
  // At once, once more at once, and then after 1, 2, 4 minutes.
  const most = milliseconds < 60_000 ? 2 : milliseconds < 180_000 ? 3 : 4;
  tally.count(
    `crash loop, ${Math.round(milliseconds / 1_000)} s of real processes: ${logins} logins`,
    logins <= most ? undefined : `${logins} logins, at most ${most} allowed`,
  );
}

/** The same by arithmetic: five minutes of a clock that is told to pass, at each of the moments a login can be lost. */
export async function crashLoopByClock(tally: Tally): Promise<void> {
  const clock = new FakeClock();
  const store = new MemoryStore();
  let logins = 0;
  for (let at = 0; at < FIVE_MINUTES; at += EVERY) {
    // The endpoint never answers this process: it will be gone by then.
    const credential = fakeCredential({ canRefresh: false }, () => new Promise(() => undefined));
    const { manager } = await managed(credential, { store, clock });
    Promise.resolve(manager.get('crm')).catch(() => undefined);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    logins += credential.calls.length;
    store.leases.clear();
    clock.pass(EVERY);
  }
  tally.count(
    `crash loop, 5 min by the clock: ${logins} logins`,
    logins <= 4 && logins > 0 ? undefined : `${logins} logins`,
  );
}

/** Killed every so often while the stored token lives: no call at all. */
export async function restartsCostNothing(tally: Tally): Promise<void> {
  for (const mode of [MODES[0]!, MODES[3]!]) {
    await Stage.with(mode, {}, async (stage) => {
      await stage.send();
      const since = mark(stage.ledger);
      const wrong: string[] = [];
      for (let restart = 0; restart < 4; restart += 1) {
        await stage.restart();
        const { outcome, code } = await stage.send();
        if (outcome !== 'answered') wrong.push(code ?? outcome);
      }
      const calls = stage.tokenCalls(since);
      tally.count(
        `restarts with a living token, ${mode.name}`,
        wrong.length === 0 && calls === 0 ? undefined : `${calls} token calls ${wrong.join()}`,
      );
    });
  }
}
