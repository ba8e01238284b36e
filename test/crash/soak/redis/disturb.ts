import { LINK_FAULTS } from '../../faults/scenarios.ts';
import { pause } from '../pause.ts';
import { killIfThere, type Replica } from './replica.ts';
import type { RedisSoak } from './run-state.ts';

/** How long a fault of a link lasts, and how long it may show afterwards: the longest pause it can lead to. ms. */
const FAULT = 1_200;
const FAULT_SHOWS = 35_000;
/** The lease of a dead holder has to expire, and the login that may follow takes its time. ms. */
const LEASE_SHOWS = 40_000;
/** Requests that the killed process had, and connections on their way to it. ms. */
const KILL_SHOWS = 3_000;
/** A lost record or lease: until every process knows the newest token again. ms. */
const EVICTION_SHOWS = 60_000;

export function startDisturbing(run: RedisSoak): Promise<void>[] {
  return [killTheVictim(run), troubleTheSurvivor(run), disturbLinks(run), evict(run)];
}

/**
 * What a kill may cost: the requests of that replica, and a login of each account whose lease the dead process may have
 * held. A lease that was evicted lately shows no more that it was held.
 */
async function noteKill(run: RedisSoak, replica: Replica, why: string): Promise<void> {
  const from = performance.now() - 100;
  run.excuses.add({ why, from, until: performance.now() + KILL_SHOWS, replica: replica.name });
  for (const account of run.accounts) {
    const { name } = account.role;
    const isInDoubt = account.doubts.some((doubt) => from >= doubt.from && from <= doubt.until);
    if (!isInDoubt && !(await run.redis.isLeased(name))) continue;
    run.excuses.add({ why: `${why}, leased`, from, until: performance.now() + LEASE_SHOWS, account: name });
    account.loginsAllowed += 1;
  }
}

/** The whole of it, with its workers, without them, or in the ordinary way; and it comes back. */
async function killTheVictim(run: RedisSoak): Promise<void> {
  const { victim } = run;
  for (;;) {
    await pause(run, run.random.between(20_000, 60_000));
    if (run.over) return;
    const how = run.random.between(0, 4);
    run.counts.kills += 1;
    const down = run.excuses.add({ why: 'down', from: performance.now() - 100, until: Infinity, replica: victim.name });
    await victim.end(how < 3 ? 'SIGKILL' : 'SIGTERM', how < 2);
    await noteKill(run, victim, 'the victim was ended');
    await pause(run, run.random.between(0, 5_000));
    await victim.start().catch((error: unknown) => run.wrong.add(`the victim does not start: ${String(error)}`));
    down.until = performance.now() + KILL_SHOWS;
  }
}

/** One of its workers is killed, or all are replaced in the ordinary way, of which no client may notice anything. */
async function troubleTheSurvivor(run: RedisSoak): Promise<void> {
  const { survivor } = run;
  for (;;) {
    await pause(run, run.random.between(30_000, 90_000));
    if (run.over) return;
    const { workers } = survivor;
    if (run.random.between(0, 2) < 1 && workers.length > 1) {
      killIfThere(run.random.pick(workers));
      run.counts.workerKills += 1;
      await noteKill(run, survivor, 'a worker was killed');
    } else {
      survivor.signal('SIGHUP');
      run.counts.reloads += 1;
    }
  }
}

/** One fault after the other on the two links of one account. */
async function disturbLinks(run: RedisSoak): Promise<void> {
  const account = run.accounts.find(({ role }) => role.faulty === true)!;
  // Half a request is answered with 400 by any server: that is no answer to judge by.
  const faults = LINK_FAULTS.filter(({ half }) => half !== true);
  for (;;) {
    // Now and then long enough to see that it recovers.
    await pause(run, run.random.between(0, 4) < 1 ? 2 * FAULT_SHOWS : run.random.between(3_000, 20_000));
    if (run.over) return;
    const onEndpoint = run.random.between(0, 2) < 1;
    const link = onEndpoint ? account.links.endpoint : account.links.upstream;
    const { name, fault } = run.random.pick(faults);
    const excuse = run.excuses.add({
      why: name,
      from: performance.now(),
      until: Infinity,
      account: account.role.name,
    });
    await link.set(fault);
    link.drop();
    run.counts.linkFaults += 1;
    if (onEndpoint) account.loginsAllowed += 1;
    await pause(run, FAULT);
    await link.clear();
    excuse.until = performance.now() + FAULT_SHOWS;
  }
}

/** Another user of the Redis takes so much of it that keys go, some of them tokenward's. */
async function evict(run: RedisSoak): Promise<void> {
  for (;;) {
    await pause(run, run.random.between(60_000, 180_000));
    if (run.over) return;
    const from = performance.now();
    const keys = await run.redis.press();
    run.counts.evictions += keys.length;
    for (const account of run.accounts) {
      const { name } = account.role;
      if (keys.some((key) => key.startsWith('budget:'))) account.countEvicted = true;
      const own = keys.filter((key) => key === `record:{${name}}` || key === `lease:{${name}}`);
      if (own.length === 0) continue;
      const until = performance.now() + EVICTION_SHOWS;
      account.doubts.push({ from, until });
      run.excuses.add({ why: `${own.join(', ')} evicted`, from, until, account: name });
      account.loginsAllowed += own.length;
    }
  }
}
