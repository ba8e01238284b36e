import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BenchError } from './processes.ts';
import type { Session } from './program.ts';

const MAIN = resolve(import.meta.dirname, '../dist/main.js');

export interface Running {
  /** Of its first listener. */
  readonly port: number;
  readonly pid: number;
}

/** The built program on free ports, with a store of its own in the session's folder. */
export async function startTokenward(session: Session, config: object): Promise<Running> {
  const file = writeConfig(session, config);
  const started = session.processes.start(process.execPath, [MAIN, 'serve', '-c', file]);
  const [, port] = await started.prints(/"address":"https?:\/\/127\.0\.0\.1:(\d+)/);
  return { port: Number(port), pid: started.pid };
}

/** Runs another command of the built program with the same configuration, to its end. Returns what it printed. */
export async function runTokenward(session: Session, config: object, args: readonly string[]): Promise<string> {
  const started = session.processes.start(process.execPath, [MAIN, ...args, '-c', writeConfig(session, config)]);
  const code = await started.ended;
  if (code !== 0) throw new BenchError(`tokenward ${args.join(' ')} ended with ${code}: ${started.output().trim()}`);
  return started.output();
}

function writeConfig({ folder }: Session, config: object): string {
  if (!existsSync(MAIN)) throw new BenchError('tokenward is not built (npm run build)');
  const file = join(folder, 'proxy.config.yaml');
  const whole = {
    listen: { host: '127.0.0.1', port: 0 },
    operator: { host: '127.0.0.1', port: 0 },
    store: { type: 'embedded', path: join(folder, 'data') },
    ...config,
  };
  writeFileSync(file, JSON.stringify(whole), { mode: 0o600 });
  return file;
}
