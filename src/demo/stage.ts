import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sandboxConfig } from '../sandbox/config.ts';
import { startSandbox, type Sandbox } from '../sandbox/sandbox.ts';

const PROGRAM = fileURLToPath(new URL('../main.js', import.meta.url));

/** The demo cannot start; the message says why. */
export class DemoError extends Error {}

/** The demo's parts: the sandbox in this process, and tokenward in a process of its own, so that it can be killed. */
export interface Stage {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly configFile: string;
  readonly url: string;
  readonly operatorUrl: string;
  /** The log of tokenward so far. */
  log(): string;
  /** Kills tokenward without warning and starts it again over the same store. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Starts everything in a new folder. Uses the default ports if they are free, otherwise any. */
export async function setStage(): Promise<Stage> {
  const sandbox = await startSandbox({ basePort: (await areFree(8180, 9)) ? 8180 : 0 });
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-demo-'));
  const configFile = join(folder, 'proxy.config.yaml');
  const [port, operatorPort] = [await freePort(8080), await freePort(9090)];
  const config = sandboxConfig(sandbox)
    .replace(/^listen:.*$/m, `listen:   { host: 127.0.0.1, port: ${port} }`)
    .replace(/^operator:.*$/m, `operator: { host: 127.0.0.1, port: ${operatorPort} }`)
    .replace(/^store:.*$/m, () => `store:    { type: embedded, path: ${JSON.stringify(join(folder, 'store'))} }`);
  writeFileSync(configFile, config, { mode: 0o600 });

  let output = '';
  let child = await start();

  async function start(): Promise<ChildProcess> {
    const started = spawn(process.execPath, [PROGRAM, 'serve', '-c', configFile], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const from = output.length;
    started.stderr.setEncoding('utf8');
    await new Promise<void>((up, down) => {
      started.stderr.on('data', (text: string) => {
        output += text;
        if (output.includes('tokenward is up', from)) up();
      });
      started.on('exit', () => down(new DemoError(`tokenward did not start:\n${output.slice(from)}`)));
    });
    return started;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  return {
    sandbox,
    folder,
    configFile,
    url: `http://127.0.0.1:${port}`,
    operatorUrl: `http://127.0.0.1:${operatorPort}`,
    log: () => output,
    async restart() {
      await end('SIGKILL');
      child = await start();
    },
    async close() {
      await end('SIGTERM');
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(preferred: number): Promise<number> {
  return (await portIfFree(preferred)) ?? (await portIfFree(0)) ?? 0;
}

async function areFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port += 1) if ((await portIfFree(port)) === undefined) return false;
  return true;
}

function portIfFree(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
