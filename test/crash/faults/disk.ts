import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { toolFor } from '../../harness/tools.ts';
import { DidNotStart } from '../../harness/child.ts';
import { loginsIn, mark, refreshesIn, requestFaults, spendFaults } from '../join.ts';
import { MODES } from '../modes.ts';
import type { Tally } from '../../harness/tally.ts';
import { Stage } from '../stage.ts';
import { tokenCall } from '../token-call.ts';

/*
 * Real failing disks under the embedded store, in front of an endpoint with strict rotation: writes refused (a file
 * size limit set on the running process), writes and syncs that come to EIO (by strace, where it is installed and may
 * attach), a full file system and a read-only one (a small tmpfs, where mounting is permitted). Nothing may be spent
 * that could not be written down first, and nothing may be lost that was granted.
 */

const STRICT = MODES[0]!;

export async function runDiskFaults(tally: Tally): Promise<void> {
  const plain = mkdtempSync(join(tmpdir(), 'tokenward-disk-data-'));
  try {
    await tally.attempt('disk: writes refused before a renewal', () =>
      Stage.with(STRICT, { data: join(plain, 'before') }, (stage) =>
        failsBefore(stage, tally, 'writes refused', limitWrites),
      ),
    );
    await tally.attempt('disk: writes refused after a grant', () =>
      Stage.with(STRICT, { data: join(plain, 'after') }, (stage) =>
        failsAfter(stage, tally, 'writes refused after a grant', limitWrites),
      ),
    );
    await tally.attempt('disk: EIO', async () => {
      if (!canInject()) return;
      await tally.attempt('disk: EIO before a renewal', () =>
        Stage.with(STRICT, { data: join(plain, 'eio-before') }, (stage) =>
          failsBefore(stage, tally, 'EIO', inputOutputErrors),
        ),
      );
      await tally.attempt('disk: EIO after a grant', () =>
        Stage.with(STRICT, { data: join(plain, 'eio-after') }, (stage) =>
          failsAfter(stage, tally, 'EIO after a grant', inputOutputErrors),
        ),
      );
    });
  } finally {
    rmSync(plain, { recursive: true, force: true });
  }
  await onTmpfs(tally, 'disk: full', (data) =>
    Stage.with(STRICT, { data }, (stage) => failsBefore(stage, tally, 'full', fill)),
  );
  await onTmpfs(tally, 'disk: read-only', (data) => readOnlyStart(data, tally));
}

/** What makes the disk fail; what it gives back makes it well again. */
type Break = (stage: Stage) => (() => void | Promise<void>) | Promise<() => void | Promise<void>>;

/**
 * No file may be written any more. Node ignores the signal that comes with it, so writes fail as on a disk that is out
 * of order.
 */
const limitWrites: Break = ({ child }) => {
  const limit = (soft: string): void =>
    void execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${soft}:unlimited`]);
  limit('0');
  return () => limit('unlimited');
};

/**
 * Every write to a file and every sync of the process, and of its threads, comes to EIO. Sockets are written to by
 * other calls.
 */
const inputOutputErrors: Break = async ({ child }) => {
  const calls = 'pwrite64,pwritev,pwritev2,fdatasync,fsync';
  const strace = spawn(
    'strace',
    ['-f', '-q', '-p', String(child.pid), '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:error=EIO`],
    { stdio: 'ignore' },
  );
  const ended = once(strace, 'exit');
  await eventually(
    'strace has attached itself',
    () => strace.exitCode === null && /^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${child.pid}/status`, 'utf8')),
  );
  return async () => {
    strace.kill('SIGTERM');
    await ended;
  };
};

const fill: Break = ({ data }) => {
  const filler = join(data, 'filler');
  try {
    writeFileSync(filler, Buffer.alloc(64 * 1024 * 1024));
  } catch {
    // Full, as it should be.
  }
  return () => rmSync(filler);
};

/**
 * The disk fails, then a token is wanted: nothing leaves for the token endpoint, callers hear why, and all is well
 * afterwards.
 */
async function failsBefore(stage: Stage, tally: Tally, what: string, breakDisk: Break): Promise<void> {
  const { ledger } = stage;
  const first = await stage.send();
  const since = mark(ledger);
  const mend = await breakDisk(stage);
  stage.revoke();
  const during = await stage.send();
  const spent = stage.tokenCalls(since);
  // A store that found room in its own file has stored what it had to, and may go on.
  const served = during.outcome === 'answered' && spent === 1;
  tally.count(
    `disk ${what}: a renewal it cannot write down is not begun`,
    served || (during.code === 'store_unavailable' && spent === 0)
      ? undefined
      : `${during.outcome} ${during.code ?? ''}, ${spent} token calls`,
  );
  tally.count(
    `disk ${what}: first answer before it`,
    first.outcome === 'answered' ? undefined : (first.code ?? first.outcome),
  );
  await mend();
  await eventually('requests succeed again', async () => (await stage.send()).outcome === 'answered');
  tally.count(
    `disk ${what}: afterwards one refresh and no login`,
    refreshesIn(ledger, since) === 1 && loginsIn(ledger, since) === 0
      ? undefined
      : `${refreshesIn(ledger, since)} refreshes, ${loginsIn(ledger, since)} logins`,
  );
  await restartAndCheck(stage, tally, what);
}

/** The disk fails between the grant and its storing: the new pair is served, kept, and stored when that is possible. */
async function failsAfter(stage: Stage, tally: Tally, what: string, breakDisk: Break): Promise<void> {
  const { sandbox, ledger, child } = stage;
  await stage.send();
  const since = mark(ledger);
  stage.revoke();
  sandbox.chatapp.set({ refreshMode: 'slow', slowMs: 1_500, refreshModeCount: 1 });
  const waiting = stage.send();
  await tokenCall(sandbox, since, 'committed');
  const mend = await breakDisk(stage);
  const { outcome, code } = await waiting;
  tally.count(`disk ${what}: the new pair is served`, outcome === 'answered' ? undefined : `${outcome} ${code ?? ''}`);
  const ready = (await call(child.operatorUrl, '/readyz')).status;
  tally.count(`disk ${what}: not ready meanwhile`, ready === 503 ? undefined : `readiness says ${ready}`);
  child.kill('SIGTERM');
  const early = await Promise.race([child.ended, sleep(1_500)]);
  tally.count(
    `disk ${what}: a graceful stop waits`,
    early === undefined ? undefined : 'it ended without having stored the pair',
  );
  await mend();
  const { code: exit } = await child.ended;
  tally.count(`disk ${what}: and then ends well`, exit === 0 ? undefined : `exit ${String(exit)}`);
  await restartAndCheck(stage, tally, what);
}

/** A new process finds the newest token, needs no call for it, and its refresh token works. */
async function restartAndCheck(stage: Stage, tally: Tally, what: string): Promise<void> {
  const { ledger, callers } = stage;
  const since = mark(ledger);
  await stage.restart();
  const { outcome } = await stage.send();
  const calls = stage.tokenCalls(since);
  tally.count(
    `disk ${what}: after a restart nothing is lost`,
    outcome === 'answered' && calls === 0 ? undefined : `${outcome}, ${calls} token calls`,
  );
  stage.revoke();
  const renewed = await stage.send();
  const faults = [...spendFaults(ledger, STRICT.arrivalsMost), ...requestFaults(callers.entries, ledger)];
  tally.count(
    `disk ${what}: the ledgers add up`,
    renewed.outcome === 'answered' && loginsIn(ledger, since) === 0 && faults.length === 0
      ? undefined
      : [renewed.outcome, ...faults].join('; '),
  );
}

/**
 * A store on a read-only file system: says so and does not start, or starts and says so; never starts anew with
 * nothing.
 */
async function readOnlyStart(data: string, tally: Tally): Promise<void> {
  await Stage.with(STRICT, { data }, async (stage) => {
    await stage.send();
    await stage.kill();
    const since = mark(stage.ledger);
    execFileSync('mount', ['-o', 'remount,ro', data]);
    try {
      await stage.start();
      const { outcome, code } = await stage.send();
      tally.count(
        'disk read-only: the stored token is used',
        outcome === 'answered' ? undefined : `${outcome} ${code ?? ''}`,
      );
      await stage.kill();
    } catch (error) {
      if (!(error instanceof DidNotStart)) throw error;
      tally.count(
        'disk read-only: says so and does not start',
        /EROFS|[Rr]ead-only/.test(error.output) && error.output.includes(data) ? undefined : error.output,
      );
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', data]);
    }
    tally.count(
      'disk read-only: no login for it',
      loginsIn(stage.ledger, since) === 0 ? undefined : 'a login was made',
    );
    await restartAndCheck(stage, tally, 'read-only');
  });
}

/** Whether strace is here and may attach to our processes. */
function canInject(): boolean {
  if (toolFor('disk: EIO', 'strace') === undefined) return false;
  try {
    execFileSync('strace', ['-q', '-o', '/dev/null', process.execPath, '-e', ''], { stdio: 'ignore' });
  } catch {
    console.log('  left out  disk: EIO: strace may not attach to processes here');
    return false;
  }
  return true;
}

async function onTmpfs(tally: Tally, what: string, act: (data: string) => Promise<void>): Promise<void> {
  const data = join(mkdtempSync(join(tmpdir(), 'tokenward-tmpfs-')), 'data');
  mkdirSync(data);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', data], { stdio: 'ignore' });
  } catch {
    console.log(`  skipped  ${what}: a small file system cannot be mounted here (needs root)`);
    rmSync(join(data, '..'), { recursive: true, force: true });
    return;
  }
  try {
    await tally.attempt(what, () => act(data));
  } finally {
    execFileSync('umount', ['-l', data]);
    rmSync(join(data, '..'), { recursive: true, force: true });
  }
}
