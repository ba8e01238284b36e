import { setTimeout as sleep } from 'node:timers/promises';
import { FaultProxy } from '../support/fault-proxy.ts';
import { startChild, type Child } from '../harness/child.ts';
import { LINK_FAULTS } from './faults/scenarios.ts';
import { loginsIn, refreshesIn, requestFaults } from './join.ts';
import { MODES, targetsOf } from './modes.ts';
import { randomFrom, type Random } from '../harness/random.ts';
import { HELP_OPTION, parseValues, seedOf, UsageError } from '../harness/options.ts';
import { runProgram } from '../harness/program.ts';
import { table } from '../harness/table.ts';
import { Stage } from './stage.ts';
import { judgeVitals, sampleVitals, type Vitals } from './vitals.ts';

const HELP = `npm run soak -- [options]

Two tokenwards over one store, a token that lives two seconds, a token endpoint with strict rotation. One of the two is
killed again and again, at random moments; faults come over the links at random. Ends with a verdict: do the ledgers
add up, and do memory, descriptors and event-loop lag of the one that lives stay flat?

  --minutes N  how long (default 5)
  --seed N     repeat the random choices of an earlier run, as far as the machine allows
  --help       show this
`;

const LIFETIME_SECONDS = 2;
const CALLERS = 8;
const CALLER_PAUSE = 60;
const FAULT = 1_200;
const SAMPLE = 3_000;
/** The ledgers are joined and cleared so often: they are bounded. ms. */
const WINDOW = 30_000;
const STRICT = MODES[0]!;

/** What a soak has counted, and what was wrong. */
interface Soak {
  readonly stage: Stage;
  readonly survivor: Child;
  readonly links: { readonly upstream: FaultProxy; readonly endpoint: FaultProxy };
  readonly random: Random;
  readonly wrong: string[];
  readonly vitals: Vitals[];
  /** How often each refresh token has arrived, over all windows. */
  readonly arrivals: Map<string, number>;
  readonly counts: {
    requests: number;
    answered: number;
    logins: number;
    refreshes: number;
    kills: number;
    linkFaults: number;
    endpointFaults: number;
  };
  /** Callers hold still while the ledgers are joined. */
  paused: boolean;
  over: boolean;
}

async function soak(minutes: number, random: Random): Promise<number> {
  return Stage.with(STRICT, {}, async (stage) => {
    const { sandbox } = stage;
    const { chatapp } = sandbox.urls;
    const links = { upstream: await FaultProxy.start(chatapp), endpoint: await FaultProxy.start(chatapp) };
    sandbox.chatapp.set({ accessTtlSeconds: LIFETIME_SECONDS, quotaLimit: null });
    stage.change((config) => ({
      ...config,
      accounts: {
        main: {
          flow: 'chatapp',
          baseUrl: links.endpoint.url,
          credentials: { ...sandbox.credentials.chatapp },
          budget: { logins: 100_000, reserve: 0 },
        },
      },
      routes: [
        {
          prefix: '/api',
          upstream: links.upstream.url,
          account: 'main',
          timeouts: { connect: '1s', firstByte: '4s', idle: '4s' },
        },
      ],
    }));
    await stage.restart();
    const survivor = await startChild(stage.config);
    const run: Soak = {
      stage,
      survivor,
      links,
      random,
      wrong: [],
      vitals: [],
      arrivals: new Map(),
      paused: false,
      over: false,
      counts: { requests: 0, answered: 0, logins: 0, refreshes: 0, kills: 0, linkFaults: 0, endpointFaults: 0 },
    };
    const end = performance.now() + minutes * 60_000;
    const inFlight = new Set<Promise<unknown>>();
    const callers = Array.from({ length: CALLERS }, (_, at) => callForever(run, at, inFlight));
    const disturbing = [disturbLinks(run), kill(run)];
    const sampling = sample(run);
    while (performance.now() < end && run.wrong.length === 0) {
      await sleep(Math.min(WINDOW, Math.max(0, end - performance.now())));
      await join(run, inFlight);
      console.log(
        `  ${Math.max(0, Math.round((end - performance.now()) / 1_000))} s to go: ${run.counts.requests} requests, ${run.counts.refreshes} refreshes, ${run.counts.logins} logins, ${run.counts.kills} kills, ${run.counts.linkFaults} faults`,
      );
    }
    run.over = true;
    await Promise.all([...callers, ...disturbing, sampling]);
    await join(run, inFlight);
    await settled(run);
    await links.upstream.close();
    await links.endpoint.close();
    const { code } = await survivor.end('SIGTERM');
    if (code !== 0) run.wrong.push(`the one that lived ended with ${String(code)}: ${survivor.output().slice(-300)}`);
    return verdict(run, minutes);
  });
}

/** Reads and writes without end, half of the callers at either tokenward. */
async function callForever(run: Soak, at: number, inFlight: Set<Promise<unknown>>): Promise<void> {
  const { read, write } = targetsOf(STRICT);
  for (let turn = 0; !run.over; turn += 1) {
    await sleep(CALLER_PAUSE);
    if (run.paused) continue;
    const base = at % 2 === 0 ? run.survivor.url : run.stage.url;
    if (base === undefined) continue;
    const method = turn % 4 === 0 ? 'POST' : 'GET';
    const request = run.stage.callers.send(base, method, method === 'GET' ? read : write);
    inFlight.add(request);
    await request;
    inFlight.delete(request);
  }
}

/** One fault after the other, on the way to the upstream or to its token endpoint. */
async function disturbLinks(run: Soak): Promise<void> {
  // Half a request is answered with 400 by any server: that is no answer to judge by.
  const faults = LINK_FAULTS.filter(({ half }) => half !== true);
  while (!run.over) {
    await pause(run, run.random.between(2_000, 6_000));
    if (run.over) return;
    const onEndpoint = run.random.between(0, 2) < 1;
    const link = onEndpoint ? run.links.endpoint : run.links.upstream;
    await link.set(run.random.pick(faults).fault);
    link.drop();
    run.counts.linkFaults += 1;
    if (onEndpoint) run.counts.endpointFaults += 1;
    await pause(run, FAULT);
    await link.clear();
  }
}

/** Kills one of the two: at a point of a renewal, at any moment, or in the ordinary way. */
async function kill(run: Soak): Promise<void> {
  while (!run.over) {
    await pause(run, run.random.between(2_000, 8_000));
    if (run.over) return;
    const { child } = run.stage;
    const how = run.random.between(0, 4);
    if (how < 2) await child.arm(`P${Math.floor(run.random.between(0, 10))}`, 'SIGKILL');
    else if (how < 3) child.kill('SIGTERM');
    await Promise.race([child.ended, pause(run, how < 3 ? 6_000 : 0)]);
    await run.stage.restart();
    run.counts.kills += 1;
  }
}

async function sample(run: Soak): Promise<void> {
  while (!run.over) {
    await pause(run, SAMPLE);
    run.vitals.push(await sampleVitals(run.survivor.operatorUrl));
  }
}

/** Holds the callers, waits for what is under way, joins the ledgers and clears them. */
async function join(run: Soak, inFlight: ReadonlySet<Promise<unknown>>): Promise<void> {
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
async function settled({ stage, survivor, wrong }: Soak): Promise<void> {
  const { read } = targetsOf(STRICT);
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

function verdict({ counts, wrong, vitals }: Soak, minutes: number): number {
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

/** Sleeps, but no longer than the soak lasts. */
async function pause(run: Soak, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (!run.over && performance.now() < end) await sleep(Math.min(200, Math.max(0, end - performance.now())));
}

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly help: boolean;
}

function parseOptions(args: string[]): Options {
  const values = parseValues(args, {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string' },
    ...HELP_OPTION,
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new UsageError('--minutes must be a number above 0');
  return { minutes, seed: seedOf(values.seed), help: values.help };
}

await runProgram('soak', HELP, parseOptions, ({ minutes, seed }) => {
  console.log(`seed ${seed}, Node ${process.version}, ${minutes} min`);
  return soak(minutes, randomFrom(seed));
});
