import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../harness/tally.ts';
import {
  loginsIn,
  mark,
  refreshesIn,
  requestFaults,
  spendFaults,
  tokenInUse,
  tokensIssued,
  tokensPresented,
} from '../join.ts';
import type { EndpointMode } from '../modes.ts';
import { Stage } from '../stage.ts';
import type { StoreUnderTest } from '../stores.ts';
import type { KillPoint } from './points.ts';

export interface CellResult {
  /** Carried through, well or not. */
  readonly kills: number;
  readonly extraLogins: number;
  /** The slowest way back to a good answer, once the new process listens. ms. */
  readonly slowest: number;
  /** One entry per kill that went wrong. */
  readonly faults: readonly string[];
}

/** Longer than one process waits for another one's lease. ms. */
const STUCK = 40_000;
/** An in-flight request must not outlive its process by more. ms. */
const CUT_MOST = 1_000;

/** One store, one way of the token endpoint, one point: so many kills in a row, on the same stored credential. */
export async function runCell(
  store: StoreUnderTest,
  mode: EndpointMode,
  point: KillPoint,
  kills: number,
): Promise<CellResult> {
  const faults: string[] = [];
  let cell: Cell | undefined;
  let done = 0;
  try {
    await Stage.with(mode, { store }, async (stage) => {
      cell = new Cell(stage, point, store.leaseOutlives);
      const first = await stage.send();
      if (first.outcome !== 'answered')
        throw new Error(`the first request came to "${first.outcome}" ${first.code ?? ''}`);
      for (let kill = 0; kill < kills; kill += 1) {
        const wrong = await cell.kill(1 + (kill % 3));
        done += 1;
        if (wrong.length > 0) faults.push(`kill ${kill + 1}: ${wrong.join('; ')}`);
      }
    });
  } catch (error) {
    faults.push(`could not go on: ${messageOf(error)}`);
  }
  return { kills: done, extraLogins: cell?.extraLogins ?? 0, slowest: cell?.slowest ?? 0, faults };
}

class Cell {
  readonly #stage: Stage;
  readonly #point: KillPoint;
  readonly #leaseOutlives: number;
  extraLogins = 0;
  slowest = 0;

  constructor(stage: Stage, point: KillPoint, leaseOutlives: number) {
    this.#stage = stage;
    this.#point = point;
    this.#leaseOutlives = leaseOutlives;
  }

  /** Kills in the `nth` renewal from now on, starts anew, and says what does not add up. */
  async kill(nth: number): Promise<string[]> {
    const { ledger } = this.#stage;
    const faults: string[] = [];
    const since = mark(ledger);
    const { callers, sandbox, mode } = this.#stage;
    const firstCaller = callers.entries.length;
    for (let renewal = 1; renewal < nth; renewal += 1) faults.push(...(await this.#renewal()));
    const before = tokenInUse(ledger);
    const armed = mark(ledger);

    const death = await this.#point.prepare(this.#stage.child, sandbox, mode);
    this.#stage.revoke();
    const inFlight = [this.#stage.send('GET'), this.#stage.send('POST'), this.#stage.send('POST')];
    await Promise.race([death(), stuck(`${this.#point.name} was not reached`)]);
    const diedAt = performance.now();
    for (const caller of await Promise.race([Promise.all(inFlight), stuck('requests in flight never ended')])) {
      if (caller.endedAt! - diedAt > CUT_MOST) faults.push('a request in flight outlived its process');
      // Once the token is published somebody may have had his answer.
      if (caller.outcome !== 'broken' && !(this.#point.name === 'P9' && caller.outcome === 'answered'))
        faults.push(`a request in flight came to "${caller.outcome}" ${caller.code ?? ''}`);
    }

    const again = mark(ledger);
    const stored = tokensIssued(ledger, armed).at(-1);
    await this.#stage.start();
    // From the moment it listens: how long a process takes to start says more about the machine than about tokenward.
    const startedAt = performance.now();
    faults.push(...(await this.#recover(startedAt)));
    const presented = tokensPresented(ledger, again);
    const older = presented.filter((token) => pairNumber(token) < pairNumber(before));
    if (older.length > 0) faults.push(`it went from ${String(before)} back to ${older.join()}`);
    if (this.#point.stored && (stored === undefined || presented.join() !== stored))
      faults.push(`the stored token ${String(stored)} was lost: it used ${presented.join()}`);
    if (this.#point.stored && this.#stage.tokenCalls(again) > 0)
      faults.push('a token call was made though the new token was stored');

    // An answer that was held back when the process died is given by now; only then is the bill complete.
    await ledger.idle(5_000).catch(() => faults.push('the upstream still has open requests'));
    faults.push(...this.#bill(since, nth));
    if (this.#stage.mode.renewal === 'refresh') faults.push(...(await this.#renewal()));
    faults.push(...requestFaults(callers.entries.slice(firstCaller), ledger, since));
    faults.push(...spendFaults(ledger, this.#stage.mode.arrivalsMost));
    return faults;
  }

  /** Requests after the restart, until they succeed: at once, or within the time the mode has. */
  async #recover(startedAt: number): Promise<string[]> {
    const within = this.#stage.mode.recovery + this.#leaseOutlives;
    for (;;) {
      const [read, write] = await Promise.race([
        Promise.all([this.#stage.send('GET'), this.#stage.send('POST')]),
        stuck('requests after the restart never ended'),
      ]);
      const elapsed = performance.now() - startedAt;
      if (read.outcome === 'answered' && write.outcome === 'answered') {
        this.slowest = Math.max(this.slowest, elapsed);
        return elapsed > within ? [`requests succeeded only after ${Math.round(elapsed)} ms`] : [];
      }
      if (elapsed > within + 10_000)
        return [`requests do not succeed: ${read.outcome} ${read.code ?? ''}, ${write.outcome} ${write.code ?? ''}`];
      await sleep(100);
    }
  }

  /** What the kill cost in logins, against what this point may cost. */
  #bill(since: number, renewals: number): string[] {
    const made = loginsIn(this.#stage.ledger, since);
    const extra = made - (this.#stage.mode.renewal === 'login' ? renewals : 0);
    this.extraLogins += Math.max(0, extra);
    const { mode } = this.#stage;
    // A grace that is over before the dead process's lease is helps nobody.
    const inGrace = mode.grace > this.#leaseOutlives;
    const allowed = this.#point.maybeSpent && !(inGrace && mode.extraLogins === 0) ? 1 : 0;
    return extra > allowed ? [`${extra} extra logins, allowed ${allowed}`] : [];
  }

  /**
   * One ordinary renewal: one call, no login where there is a refresh. That it works proves that what is stored is
   * alive.
   */
  async #renewal(): Promise<string[]> {
    const { ledger } = this.#stage;
    const since = mark(ledger);
    this.#stage.revoke();
    const startedAt = performance.now();
    let { outcome, code } = await this.#stage.send('GET');
    // The lease of the process that was killed may still stand in the way, longer than one caller waits.
    while (outcome === 'ours' && performance.now() - startedAt < this.#leaseOutlives)
      ({ outcome, code } = await this.#stage.send('GET'));
    const faults: string[] = [];
    if (outcome !== 'answered') faults.push(`an ordinary renewal came to "${outcome}" ${code ?? ''}`);
    if (this.#stage.mode.renewal === 'refresh' && (loginsIn(ledger, since) > 0 || refreshesIn(ledger, since) !== 1))
      faults.push(
        `an ordinary renewal took ${refreshesIn(ledger, since)} refreshes and ${loginsIn(ledger, since)} logins`,
      );
    return faults;
  }
}

/** `chatapp#7` is the 7th pair of its vendor; a token that no vendor knows is older than any. */
function pairNumber(token: string | null): number {
  return Number(/#(\d+)$/.exec(token ?? '')?.[1] ?? -1);
}

function stuck(what: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(what)), STUCK).unref();
  });
}
