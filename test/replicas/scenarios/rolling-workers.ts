import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { serve } from '../../support/process.ts';
import { startRedis } from '../../support/redis.ts';
import { Callers, inWords } from '../callers.ts';
import { needRedis } from '../../harness/tools.ts';
import type { Scenario } from '../scenario.ts';

const CALLERS = 6;
const WORKERS = 2;

/** The workers of one tokenward over Redis are replaced one by one, again and again: SIGHUP. */
export const rollingWorkers: Scenario = {
  name: 'rolling-workers',
  what: 'SIGHUP to a tokenward of two workers, again and again, under load',
  async run(tally, full) {
    const rounds = full ? 20 : 4;
    const redis = await startRedis(needRedis());
    const sandbox = await startSandbox();
    const folder = mkdtempSync(join(tmpdir(), 'tokenward-replicas-'));
    try {
      sandbox.chatapp.set({ rotation: 'strict' });
      const file = join(folder, 'proxy.config.json');
      writeFileSync(
        file,
        JSON.stringify({
          workers: WORKERS,
          listen: { port: 0 },
          operator: { port: 0 },
          store: { type: 'redis', url: redis.url, key: randomBytes(32).toString('base64') },
          accounts: {
            crm0: { flow: 'chatapp', baseUrl: sandbox.urls.chatapp, credentials: sandbox.credentials.chatapp },
          },
          routes: [{ prefix: '/0', upstream: sandbox.urls.chatapp, account: 'crm0' }],
        }),
        { mode: 0o600 },
      );
      const served = await serve(['-c', file]);
      try {
        const callers = new Callers();
        for (let index = 0; index < CALLERS; index += 1) callers.start(`caller ${index}`, () => served.url, 0, 20);
        await eventually('there is load', () => callers.entries.length > 20);
        const done = (): number => served.output().stderr.split('all workers run').length - 1;
        for (let round = 1; round <= rounds; round += 1) {
          const before = childrenOf(served.child.pid!);
          served.child.kill('SIGHUP');
          await eventually('it says that all workers are replaced', () => done() >= round, 90_000);
          await eventually('they are', () => isReplaced(before, childrenOf(served.child.pid!))).catch(() =>
            tally.count(`SIGHUP ${round}`, `workers ${before.join()}, then ${childrenOf(served.child.pid!).join()}`),
          );
          if (round % 2 === 0) sandbox.chatapp.revokeCurrent();
        }
        const [counted, revoked] = [callers.entries.length, Math.floor(rounds / 2)];
        await eventually('the load goes on', () => callers.entries.length > counted + 20);
        await callers.stop();
        tally.count(`${rounds} times SIGHUP, no request failed`, inWords(callers.failed));
        tally.equal(
          'no login but the first, and a spend for each token that ended',
          [sandbox.ledger.count({ kind: 'login' }), sandbox.ledger.count({ kind: 'refresh' })],
          [1, revoked],
        );
        tally.equal('the primary process runs on', served.child.exitCode, null);
        return `${rounds} times SIGHUP, ${2 * rounds} workers replaced, ${callers.entries.length} requests, ${callers.failed.length} failed`;
      } finally {
        tally.equal('it ends in good order', await served.end(), 0);
      }
    } finally {
      await sandbox.close();
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** The numbers of a process's children, by the kernel's word. */
function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
}

function isReplaced(before: readonly string[], now: readonly string[]): boolean {
  return before.length === WORKERS && now.length === WORKERS && now.every((pid) => !before.includes(pid));
}
