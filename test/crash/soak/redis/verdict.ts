import { Tally } from '../../../harness/tally.ts';
import { judgeFigures } from './figures.ts';
import type { RedisSoak } from './run-state.ts';

/** Says what came of a run; the exit code. */
export function verdict(run: RedisSoak, minutes: number): number {
  const tally = new Tally();
  const { wrong, counts } = run;
  for (const what of [...wrong].slice(0, 30)) console.log(`  WRONG  ${what}`);
  tally.equal('requests and refresh tokens: what is wrong by the ledgers', wrong.size, 0);
  judgeLogins(run, tally, minutes);
  tally.count(
    `healthy accounts: ${counts.excused} of ${counts.healthy} requests failed with an excuse`,
    counts.excused * 10 <= counts.healthy ? undefined : 'more than a tenth',
  );
  for (const replica of [run.undisturbed, run.survivor])
    tally.equal(`the ${replica.name}'s primary lives`, replica.url !== undefined, true);
  // The last one may still be under way.
  tally.count(
    `${run.survivor.reloads} of ${counts.reloads} reloads done`,
    counts.reloads - run.survivor.reloads <= 1 ? undefined : 'workers were not replaced',
  );
  judgeFigures(run.samples.series, minutes, tally);
  return tally.close('soak');
}

function judgeLogins({ accounts }: RedisSoak, tally: Tally, minutes: number): void {
  for (const { role, seen, loginsAllowed } of accounts) {
    const { logins, refusedLogins, refreshes, revoked } = seen;
    if (role.healthy) {
      const most = loginsAllowed + revoked;
      tally.count(`${role.name}: ${logins} logins`, logins <= most ? undefined : `at most ${most} can be explained`);
      tally.count(`${role.name}: ${refreshes} refreshes`, refreshes >= minutes * 3 ? undefined : 'nothing was tried');
      console.log(`${role.name}: ${refreshes} refreshes, ${logins} logins (${most} explained)`);
    } else {
      // The dead account: once, and again when the store has lost its record. The other one: with pauses, and no more
      // than its budget allows since its count was last evicted.
      const most = role.name === 'dead' ? loginsAllowed : Math.min(80 + seen.forgottenLogins, 12 + minutes);
      tally.count(`${role.name}: ${refusedLogins} logins`, refusedLogins <= most ? undefined : `more than ${most}`);
      console.log(`${role.name}: ${refusedLogins} logins, none of which got a token (at most ${most})`);
    }
  }
}
