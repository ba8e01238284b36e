import { setTimeout as sleep } from 'node:timers/promises';
import { FaultProxy } from '../../support/fault-proxy.ts';
import type { CallerEntry } from '../callers.ts';
import { mark, spendFaults } from '../join.ts';
import { MODES } from '../modes.ts';
import type { Tally } from '../../harness/tally.ts';
import { Stage } from '../stage.ts';

const LIFETIME = 3_000;
const LIFETIMES = 10;
const FAST = 50;
/**
 * Nothing of a call was sent while connections were refused: the next one is made once a second (docs/reliability.md),
 * and as much again is granted to a busy machine. ms.
 */
const BACK_MOST = 2_000;

/**
 * The token endpoint is away for ten lifetimes: no failure while the token lives, then fast clear errors, then recovery
 * within one renewal.
 */
export async function endpointDown(tally: Tally): Promise<void> {
  await Stage.with(MODES[0]!, {}, async (stage) => {
    const link = await FaultProxy.start(stage.sandbox.urls.chatapp);
    stage.sandbox.chatapp.set({ accessTtlSeconds: LIFETIME / 1_000 });
    const accounts = {
      main: { flow: 'chatapp', baseUrl: link.url, credentials: { ...stage.sandbox.credentials.chatapp } },
    };
    stage.change((config) => ({ ...config, accounts }));
    await stage.restart();
    try {
      await down(stage, link, tally);
    } finally {
      await link.close();
    }
  });
}

async function down(stage: Stage, link: FaultProxy, tally: Tally): Promise<void> {
  const { ledger, sandbox } = stage;
  const first = await stage.send();
  tally.count('endpoint down: before it', first.outcome === 'answered' ? undefined : (first.code ?? first.outcome));
  await link.set({ connect: 'refuse' });
  link.drop();
  const since = mark(ledger);
  // The endpoint's word is in whole seconds, and so is the Date that tokenward measures it by: what it knows of may end
  // up to a second before the token really does, or after; then the upstream refuses, and the answer is our error all
  // the same.
  const ends = sandbox.chatapp.currentToken()!.accessEndsAt;
  const lives = Math.floor(ends / 1_000) * 1_000;
  const whileAlive: CallerEntry[] = [];
  const afterwards: CallerEntry[] = [];
  const end = performance.now() + LIFETIMES * LIFETIME;
  while (performance.now() < end) {
    const before = Date.now();
    const entry = await stage.send();
    // A request under way at the very end may fall on either side.
    if (Date.now() < lives - 100) whileAlive.push(entry);
    else if (before > ends + 100) afterwards.push(entry);
    await sleep(40);
  }
  const early = whileAlive.filter(({ outcome }) => outcome !== 'answered').length;
  tally.count(
    `endpoint down: ${whileAlive.length} requests while the token lives`,
    early === 0 && whileAlive.length > 0 ? undefined : `${early} failed`,
  );
  const unclear = afterwards.filter(({ code, retryAfter }) => code !== 'token_unavailable' || !(retryAfter! >= 1));
  const kinds = [
    ...new Set(unclear.map(({ outcome, code, retryAfter }) => `${outcome} ${code ?? ''} ${retryAfter ?? ''}`)),
  ].join(', ');
  tally.count(
    `endpoint down: ${afterwards.length} clear errors with Retry-After`,
    unclear.length === 0 && afterwards.length > 0
      ? undefined
      : `${unclear.length} unclear ones, at ${afterwards.indexOf(unclear[0]!)} and on: ${kinds}`,
  );
  const times = afterwards.map(({ startedAt, endedAt }) => endedAt! - startedAt).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? Infinity;
  tally.count(
    `endpoint down: errors within ${median.toFixed(1)} ms (median)`,
    median < FAST ? undefined : `${median.toFixed(0)} ms`,
  );

  await link.clear();
  const told = Math.max(...afterwards.map(({ retryAfter }) => retryAfter ?? 0));
  const backAt = performance.now();
  while ((await stage.send()).outcome !== 'answered' && performance.now() - backAt < 60_000) await sleep(100);
  const took = performance.now() - backAt;
  const calls = stage.tokenCalls(since);
  tally.count(
    `endpoint down: back ${(took / 1_000).toFixed(1)} s after it, told ${told} s`,
    took < BACK_MOST && told * 1_000 <= BACK_MOST ? undefined : 'too late',
  );
  tally.count('endpoint down: one renewal is enough', calls === 1 ? undefined : `${calls} token calls arrived`);
  const faults = spendFaults(ledger, 1);
  tally.count('endpoint down: the ledgers add up', faults.length === 0 ? undefined : faults.join('; '));
}
