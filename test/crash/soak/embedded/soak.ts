import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../../../harness/child.ts';
import type { Random } from '../../../harness/random.ts';
import { FaultProxy } from '../../../support/fault-proxy.ts';
import { MODES, targetsOf } from '../../modes.ts';
import { Stage } from '../../stage.ts';
import { pause } from '../pause.ts';
import { disturbLinks, kill } from './disturb.ts';
import { join, settled, verdict } from './judge.ts';
import type { Soak } from './run-state.ts';
import { sampleVitals } from './vitals.ts';

const LIFETIME_SECONDS = 2;
const CALLERS = 8;
const CALLER_PAUSE = 60;
const SAMPLE = 3_000;
/** The ledgers are joined and cleared so often: they are bounded. ms. */
const WINDOW = 30_000;
const STRICT = MODES[0]!;

/** Two tokenwards over one embedded store, one of them killed again and again; the exit code. */
export async function soakEmbedded(minutes: number, random: Random): Promise<number> {
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

async function sample(run: Soak): Promise<void> {
  while (!run.over) {
    await pause(run, SAMPLE);
    run.vitals.push(await sampleVitals(run.survivor));
  }
}
