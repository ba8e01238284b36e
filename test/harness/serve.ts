import { readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/*
 * tokenward as main.ts starts it, and besides able to die or to stand still on command: told so over IPC, it does it
 * when it next passes that point of a renewal. Only tests start this file; it is run as plain JavaScript beside the
 * built program, since a run has hundreds of starts.
 */

/**
 * `wait`: says "reached P2" and goes no further before a byte comes on standard input. `SIGSTOP`: says so and sends
 * itself the signal. The others are sent without a word; SIGTERM twice, because the second must change nothing.
 */
export interface Command {
  readonly point: string;
  readonly then: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'wait';
}

const built = process.env['HARNESS_DIST'] ?? '';
const load = async <T>(file: string): Promise<T> => (await import(pathToFileURL(join(built, file)).href)) as T;
const { startApp } = await load<typeof import('../../src/app/app.ts')>('app/app.js');
const { loadConfig } = await load<typeof import('../../src/config/load.ts')>('config/load.js');
const { createLogger } = await load<typeof import('../../src/log.ts')>('log.js');
const { leaseOwner, ownerIsGone } =
  await load<typeof import('../../src/app/process-identity.ts')>('app/process-identity.js');

/** `begun`: a renewal has begun since. The one before it may still be giving its lease back, and is not meant. */
let armed: (Command & { begun: boolean }) | undefined;

function checkpoint(point: string): void {
  if (armed === undefined) return;
  armed.begun ||= point.startsWith('P0');
  if (!armed.begun || !point.startsWith(armed.point)) return;
  const { then } = armed;
  armed = undefined;
  if (then === 'wait' || then === 'SIGSTOP') writeSync(1, `reached ${point.slice(0, 2)}\n`);
  if (then === 'wait') {
    waitForByte();
    return;
  }
  process.kill(process.pid, then);
  if (then === 'SIGTERM') setTimeout(() => process.kill(process.pid, then), 50);
}

/** Blocks the whole process: nothing of it may go on meanwhile. */
function waitForByte(): void {
  for (;;) {
    try {
      readSync(0, Buffer.alloc(1));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

const config = loadConfig(process.argv[2] ?? '', process.env);
const log = createLogger(config.log.level);
const app = await startApp(config, { log, owner: leaseOwner(), ownerIsGone, checkpoint }).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

let stopping: Promise<void> | undefined;
const stop = (): void => {
  stopping ??= app.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
// Nothing may get here; a test that sees this exit code has found a fault.
const fault = (error: unknown): void => {
  process.stderr.write(`fault: ${error instanceof Error ? String(error.stack) : String(error)}\n`);
  process.exit(70);
};
process.on('uncaughtException', fault);
process.on('unhandledRejection', fault);

process.on('message', (command: Command) => {
  armed = { ...command, begun: false };
  process.send?.('armed');
});
writeSync(1, `up ${app.proxyAddresses[0]!.port} ${app.operatorAddress.port}\n`);
