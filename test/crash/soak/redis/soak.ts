import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../../harness/random.ts';
import { openAccount, ROLES, soakConfig } from './accounts.ts';
import { startClients } from './clients.ts';
import { CrowdedRedis } from './crowded-redis.ts';
import { startDisturbing } from './disturb.ts';
import { Excuses } from './excuses.ts';
import { joinLedgers } from './ledgers.ts';
import { Replica } from './replica.ts';
import { NO_COUNTS, type RedisSoak } from './run-state.ts';
import { Samples } from './samples.ts';
import { WARM_UP } from './figures.ts';
import { sampleForever, sampleHeap } from './sampling.ts';
import { verdict } from './verdict.ts';

const WINDOW = 60_000;
/** Between two collections of the garbage of the undisturbed replica. ms. */
const HEAP_EVERY = 1_200_000;
/** More than so many things wrong: it is broken, and goes on for nothing. */
const MOST_WRONG = 200;

/** Three tokenwards with workers over one Redis; the exit code. Its logs and figures stay in a folder. */
export async function soakOverRedis(minutes: number, workers: number, random: Random): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-soak-'));
  console.log(`figures and logs: ${folder}`);
  const redis = await CrowdedRedis.start();
  const accounts = await Promise.all(ROLES.map(openAccount));
  const config = join(folder, 'proxy.config.json');
  const store = {
    type: 'redis',
    url: redis.server.url,
    key: randomBytes(32).toString('base64'),
    keyPrefix: redis.prefix,
  };
  writeFileSync(config, JSON.stringify(soakConfig(accounts, store, workers)), { mode: 0o600 });
  const replica = (name: string, inspected = false): Replica =>
    new Replica(name, config, join(folder, `${name}.log`), inspected);
  const run: RedisSoak = {
    redis,
    accounts,
    workers,
    undisturbed: replica('undisturbed', true),
    survivor: replica('survivor'),
    victim: replica('victim'),
    random,
    samples: new Samples(join(folder, 'samples.jsonl')),
    excuses: new Excuses(),
    wrong: new Set(),
    counts: { ...NO_COUNTS },
    paused: false,
    over: false,
  };
  try {
    for (const one of [run.undisturbed, run.survivor, run.victim]) await one.start();
    await soak(run, minutes);
    return verdict(run, minutes);
  } finally {
    for (const one of [run.undisturbed, run.survivor, run.victim]) await one.end('SIGKILL');
    for (const account of accounts) await account.close();
    await redis.stop();
  }
}

async function soak(run: RedisSoak, minutes: number): Promise<void> {
  const inFlight = new Set<Promise<unknown>>();
  const end = performance.now() + minutes * 60_000;
  const warm = performance.now() + Math.min(WARM_UP, (minutes * 60_000) / 4);
  let nextHeap = warm;
  const going = [...startClients(run, inFlight), ...startDisturbing(run), sampleForever(run)];
  while (performance.now() < end && run.wrong.size < MOST_WRONG) {
    await sleep(Math.min(WINDOW, Math.max(0, end - performance.now())));
    const known = run.wrong.size;
    await joinLedgers(run, inFlight);
    for (const what of [...run.wrong].slice(known, known + 5)) console.log(`  WRONG  ${what}`);
    console.log(progress(run, end));
    if (performance.now() < nextHeap) continue;
    nextHeap += HEAP_EVERY;
    await sampleHeap(run);
  }
  run.over = true;
  await Promise.all(going);
  await joinLedgers(run, inFlight);
  await sampleHeap(run);
}

function progress({ counts, accounts, samples, wrong }: RedisSoak, end: number): string {
  const { requests, answered, excused, kills, workerKills, reloads, linkFaults, evictions } = counts;
  const tokens = accounts
    .map(
      ({ role, seen }) =>
        `${role.name} ${seen.refreshes}/${seen.logins}${seen.refusedLogins > 0 ? `+${seen.refusedLogins}` : ''}`,
    )
    .join(', ');
  return (
    `  ${Math.round(samples.now() / 1_000)} s, ${Math.max(0, Math.round((end - performance.now()) / 1_000))} s to go: ` +
    `${requests} requests, ${answered} answered, ${excused} failed with an excuse; refreshes/logins ${tokens}; ` +
    `${kills} kills, ${workerKills} of workers, ${reloads} reloads, ${linkFaults} link faults, ${evictions} keys evicted; ` +
    `${wrong.size} wrong`
  );
}
