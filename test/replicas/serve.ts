import { readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/*
 * tokenward as main.ts starts it, and besides able to stand still on command: told over IPC "P2 wait", it says
 * "reached P2" when it next passes that point, and goes no further before a byte comes on standard input. "P2 stop"
 * makes it send itself SIGSTOP there. Only tests start this file; what it runs is the built program.
 */

const built = process.env['REPLICA_DIST'] ?? '';
const load = async <T>(file: string): Promise<T> => (await import(pathToFileURL(join(built, file)).href)) as T;
const { startApp } = await load<typeof import('../../src/app/app.ts')>('app/app.js');
const { loadConfig } = await load<typeof import('../../src/config/load.ts')>('config/load.js');
const { createLogger } = await load<typeof import('../../src/log.ts')>('log.js');
const { leaseOwner, ownerIsGone } =
  await load<typeof import('../../src/app/process-identity.ts')>('app/process-identity.js');

let armed: { point: string; then: string } | undefined;

function checkpoint(point: string): void {
  if (armed === undefined || !point.startsWith(armed.point)) return;
  const { then } = armed;
  armed = undefined;
  writeSync(1, `reached ${point.slice(0, 2)}\n`);
  if (then === 'stop') process.kill(process.pid, 'SIGSTOP');
  else waitForByte();
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
const app = await startApp(config, {
  log: createLogger(config.log.level),
  owner: leaseOwner(),
  ownerIsGone,
  checkpoint,
});
process.on('SIGTERM', () => void app.stop().then(() => process.exit(0)));
process.on('message', (message: { point: string; then: string }) => {
  armed = message;
  process.send?.('armed');
});
writeSync(1, `up ${app.proxyAddress.port} ${app.operatorAddress.port}\n`);
