import { setTimeout as sleep } from 'node:timers/promises';
import { table } from '../../../harness/table.ts';
import { loginsIn, refreshesIn, requestFaults } from '../../join.ts';
import { MODES, targetsOf } from '../../modes.ts';
import type { Soak } from './run-state.ts';
import { judgeVitals } from './vitals.ts';

/** Holds the callers, waits for what is under way, joins the ledgers and clears them. */
export async function join(run: Soak, inFlight: ReadonlySet<Promise<unknown>>): Promise<void> {
  const {
    stage: { ledger, callers },
    counts,
    wrong,
  } = run;
  run.paused = true;
  await Promise.race([Promise.all(inFlight), sleep(25_000)]);
  await ledger.idle(10_000).catch(() => wrong.push('the upstream still has open requests'));
  wrong.push(...requestFaults(callers.entries, ledger).slice(0, 5));
  for (const { refreshTokenId, reason } of ledger.entries({ kind: 'refresh' })) {
    if (reason === 'family-revoked') wrong.push('a family of tokens was revoked');
    if (refreshTokenId === null) continue;
    const count = (run.arrivals.get(refreshTokenId) ?? 0) + 1;
    run.arrivals.set(refreshTokenId, count);
    if (count === 2) wrong.push(`the refresh token of ${refreshTokenId} arrived twice`);
  }
  counts.requests += callers.entries.length;
  counts.answered += callers.entries.filter(({ outcome }) => outcome === 'answered').length;
  counts.logins += loginsIn(ledger, 0);
  counts.refreshes += refreshesIn(ledger, 0);
  callers.entries.length = 0;
  ledger.clear();
  run.paused = false;
}

/** With all faults gone, both answer. */
export async function settled({ stage, survivor, wrong }: Soak): Promise<void> {
  const { read } = targetsOf(MODES[0]!);
  for (const base of [survivor.url, stage.child.url]) {
    const end = performance.now() + 30_000;
    for (;;) {
      const { outcome, code } = await stage.callers.send(base, 'GET', read);
      if (outcome === 'answered') break;
      if (performance.now() > end) {
        wrong.push(`at the end requests still come to ${code ?? outcome}`);
        break;
      }
      await sleep(200);
    }
  }
}

export function verdict({ counts, wrong, vitals }: Soak, minutes: number): number {
  const { logins, kills, endpointFaults, requests, answered, refreshes } = counts;
  // The first one, and one for every disturbance that may have swallowed the answer to a refresh.
  const most = 1 + kills + endpointFaults;
  if (logins > most) wrong.push(`${logins} logins, at most ${most} can be explained`);
  if (answered < requests / 2) wrong.push(`only ${answered} of ${requests} requests were answered`);
  if (refreshes < minutes * 5) wrong.push(`only ${refreshes} refreshes: nothing was tried`);
  const { rows, faults } = judgeVitals(vitals);
  console.log(`\n${table([['of the one that lives', 'second quarter', 'last quarter', 'allowed'], ...rows])}\n`);
  wrong.push(...faults);
  const figures = `${minutes} min, ${requests} requests (${((answered / requests) * 100).toFixed(1)} % answered), ${refreshes} refreshes, ${logins} logins, ${kills} kills, ${counts.linkFaults} faults`;
  if (wrong.length === 0) {
    console.log(`soak: passed: ${figures}; nothing lost, nothing spent twice`);
    return 0;
  }
  for (const what of wrong.slice(0, 20)) console.log(`  WRONG  ${what}`);
  console.log(`soak: FAILED: ${figures}; ${wrong.length} things wrong`);
  return 1;
}
