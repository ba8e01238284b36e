import { setTimeout as sleep } from 'node:timers/promises';
import { mark, requestFaults, spendFaults, tokensIssued, tokensPresented } from '../join.ts';
import { MODES } from '../modes.ts';
import type { Tally } from '../../harness/tally.ts';
import { Stage } from '../stage.ts';
import { hesitate, tokenCall } from '../token-call.ts';

/** How long the endpoint holds an answer back. Longer than a stop that waits for nothing would take. ms. */
const HESITATION = 1_500;
/** The default drain time and some more for a busy machine. ms. */
const END_MOST = 25_000;

/** SIGTERM, and a second one, at each moment of a renewal: what must be finished is finished, and nothing is lost. */
export async function sigterm(tally: Tally): Promise<void> {
  await Promise.all(
    [MODES[0]!, MODES[3]!].map(async (mode) => {
      for (const point of ['P0', 'P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P8', 'P9']) {
        const what = `SIGTERM at ${point}, ${mode.name}`;
        await tally.attempt(what, async () => {
          const faults = await Stage.with(mode, {}, (stage) => stopAt(stage, point));
          tally.count(what, faults.length === 0 ? undefined : faults.join('; '));
        });
      }
    }),
  );
}

async function stopAt(stage: Stage, point: string): Promise<string[]> {
  const { sandbox, ledger, child, mode } = stage;
  await stage.send();
  const since = mark(ledger);
  if (['P3', 'P4', 'P5'].includes(point)) hesitate(sandbox, mode, point === 'P3' ? 'before' : 'after', HESITATION);
  else await child.arm(point, 'SIGTERM');
  stage.revoke();
  const waiting = [stage.send('GET'), stage.send('POST')];
  if (point === 'P3') await tokenCall(sandbox, since, 'arrived');
  if (point === 'P4' || point === 'P5') await tokenCall(sandbox, since, 'committed');
  const signalledAt = performance.now();
  if (point === 'P5') {
    // The answer is in the kernel when the process runs again, and finds the signal there as well.
    child.kill('SIGSTOP');
    await tokenCall(sandbox, since, 'answered');
  }
  if (['P3', 'P4', 'P5'].includes(point)) {
    child.kill('SIGTERM');
    await sleep(50);
    child.kill('SIGTERM');
  }
  if (point === 'P5') child.kill('SIGCONT');

  const faults: string[] = [];
  const ended = await Promise.race([child.ended, sleep(END_MOST, undefined, { ref: false })]);
  if (ended === undefined) faults.push('it did not end within the drain time');
  else if (ended.code !== 0) faults.push(`it ended with ${String(ended.code ?? ended.signal)}`);
  if (point === 'P4' && performance.now() - signalledAt < HESITATION / 2) faults.push('it did not wait for the answer');
  for (const { outcome, code } of await Promise.all(waiting))
    if (outcome !== 'answered') faults.push(`a request in flight came to "${outcome}" ${code ?? ''}`);
  const calls = stage.tokenCalls(since);
  if (calls !== 1) faults.push(`${calls} token calls`);

  hesitate(sandbox, mode, 'never');
  const again = mark(ledger);
  await stage.restart();
  const { outcome } = await stage.send();
  const [issued, presented] = [tokensIssued(ledger, since), tokensPresented(ledger, again)];
  if (issued.length !== 1 || presented.join() !== issued.join())
    faults.push(`after the restart it used ${presented.join()}, of ${issued.join()} issued`);
  if (outcome !== 'answered' || stage.tokenCalls(again) > 0)
    faults.push(`after the restart: ${outcome}, ${stage.tokenCalls(again)} token calls`);
  return [...faults, ...requestFaults(stage.callers.entries, ledger), ...spendFaults(ledger, 1)];
}
