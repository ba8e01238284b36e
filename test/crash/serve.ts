import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

/*
 * tokenward as main.ts starts it, and besides able to die on command: a line such as "P2 1 SIGKILL" on standard input
 * makes it send itself that signal when it passes the point for the first time from then on. Two SIGTERMs, because the
 * second must change nothing. Only tests start this file; it is run as plain JavaScript beside the built program, since
 * a run has hundreds of starts.
 */

const built = process.env['CRASH_DIST'] ?? '';
const load = async <T>(file: string): Promise<T> => (await import(pathToFileURL(join(built, file)).href)) as T;
const { startApp } = await load<typeof import('../../src/app/app.ts')>('app/app.js');
const { loadConfig } = await load<typeof import('../../src/config/load.ts')>('config/load.js');
const { createLogger } = await load<typeof import('../../src/log.ts')>('log.js');
const { leaseOwner, ownerIsGone } =
  await load<typeof import('../../src/app/process-identity.ts')>('app/process-identity.js');

/** `begun`: a renewal has begun since. The one before it may still be giving its lease back, and is not meant. */
let armed: { point: string; left: number; signal: NodeJS.Signals; begun: boolean } | undefined;

function checkpoint(point: string): void {
  if (armed === undefined) return;
  armed.begun ||= point.startsWith('P0');
  if (!armed.begun || !point.startsWith(armed.point)) return;
  armed.left -= 1;
  if (armed.left > 0) return;
  const { signal } = armed;
  armed = undefined;
  process.kill(process.pid, signal);
  if (signal === 'SIGTERM') setTimeout(() => process.kill(process.pid, signal), 50);
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

createInterface({ input: process.stdin }).on('line', (line) => {
  const [point = '', left = '1', signal = 'SIGKILL'] = line.split(' ');
  armed = { point, left: Number(left), signal: signal as NodeJS.Signals, begun: false };
  process.stdout.write('armed\n');
});
process.stdout.write(`up ${app.proxyAddress.port} ${app.operatorAddress.port}\n`);
