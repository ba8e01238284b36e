import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../../harness/child.ts';
import { loginsIn, mark, spendFaults } from '../join.ts';
import { MODES, targetsOf } from '../modes.ts';
import type { Tally } from '../../harness/tally.ts';
import { Stage } from '../stage.ts';
import { tokenCall } from '../token-call.ts';

/** Longer than a lease holds. ms. */
const STOPPED = 33_000;

/**
 * Two processes over one store; one is stopped in the midst of a renewal for longer than its lease, and goes on when
 * the other has taken over.
 */
export async function suspend(tally: Tally): Promise<void> {
  await Stage.with(MODES[0]!, {}, async (stage) => {
    const { sandbox, ledger, child } = stage;
    await stage.send();
    const other = await startChild(stage.config);
    try {
      const since = mark(ledger);
      // The answer is on its way, and finds nobody awake.
      sandbox.chatapp.set({ refreshMode: 'slow', slowMs: 500, refreshModeCount: 1 });
      stage.revoke();
      const first = stage.send();
      await tokenCall(sandbox, since, 'committed');
      child.kill('SIGSTOP');
      await sleep(STOPPED);
      const { read } = targetsOf(stage.mode);
      const second = await stage.callers.send(other.url, 'GET', read);
      tally.count(
        'suspend: the other process takes over',
        second.outcome === 'answered' ? undefined : (second.code ?? second.outcome),
      );
      const record = sandbox.chatapp.currentToken()?.id;
      child.kill('SIGCONT');
      const late = await first;
      tally.count(
        'suspend: whoever waited at the stopped one is answered',
        late.outcome === 'answered' ? undefined : (late.code ?? late.outcome),
      );
      for (const url of [child.url, other.url]) {
        const { outcome, code } = await stage.callers.send(url, 'GET', read);
        tally.count('suspend: both go on', outcome === 'answered' ? undefined : (code ?? outcome));
      }
      tally.count(
        'suspend: the newer token stays the current one',
        sandbox.chatapp.currentToken()?.id === record ? undefined : 'another one was fetched',
      );
      const faults = spendFaults(ledger, 1);
      const logins = loginsIn(ledger, since);
      tally.count(
        'suspend: nothing was spent twice, and one login helped',
        faults.length === 0 && logins <= 1 ? undefined : [...faults, `${logins} logins`].join('; '),
      );
    } finally {
      await other.end();
    }
  });
}
