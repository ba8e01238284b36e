import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { MAIN } from '../../../support/process.ts';
import { childrenOf } from './kernel.ts';

/** Every process started here and not ended yet, so that none outlives the run. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One tokenward with workers, started by `serve` as a user starts it, and again after its end, under one name. */
export class Replica {
  readonly name: string;
  readonly #config: string;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #place: { url: string; operatorUrl: string } | undefined;
  /** How often all workers have been replaced since the first start. */
  reloads = 0;
  /** Where the inspectors of its processes listen, if they do. */
  readonly inspectors: string[] = [];
  readonly #inspected: boolean;

  /** `log`: the file that gets all it says. `inspected`: its processes have an inspector, which tells their heap. */
  constructor(name: string, config: string, log: string, inspected = false) {
    this.#inspected = inspected;
    this.name = name;
    this.#config = config;
    this.#log = createWriteStream(log, { flags: 'a' });
  }

  /** Where it listens, while it is up. */
  get url(): string | undefined {
    return this.#place?.url;
  }

  get operatorUrl(): string | undefined {
    return this.#place?.operatorUrl;
  }

  /** The primary. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get workers(): number[] {
    return this.pid === undefined ? [] : childrenOf(this.pid);
  }

  async start(): Promise<void> {
    // Workers get the ports behind the primary's.
    const options = this.#inspected ? [`--inspect=127.0.0.1:${await freePort()}`] : [];
    const args = [...options, MAIN, 'serve', '-c', this.#config];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    running.add(child);
    this.#child = child;
    const ended = once(child, 'close').then(() => {
      running.delete(child);
      if (this.#child === child) this.#child = this.#place = undefined;
    });
    this.#place = await new Promise((found, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#log.write(`${line}\n`);
        const [, inspector] = /^Debugger listening on (ws:\S+)/.exec(line) ?? [];
        if (inspector !== undefined) this.inspectors.push(inspector);
        if (line.includes('"tokenward is up"')) found(placeIn(line));
        if (line.includes('"all workers run')) this.reloads += 1;
      });
      void ended.then(() => reject(new Error(`the ${this.name} ended before it was up`)));
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /**
   * Ends the primary and, if the signal is SIGKILL and `all` is set, its workers at the same moment. Resolves when the
   * primary has ended.
   */
  async end(signal: NodeJS.Signals, all = true): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    const workers = signal === 'SIGKILL' && all ? this.workers : [];
    this.#place = undefined;
    const ended = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    for (const pid of workers) killIfThere(pid);
    const [code] = await ended;
    running.delete(child);
    if (this.#child === child) this.#child = undefined;
    return code;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function placeIn(line: string): { url: string; operatorUrl: string } {
  const { address, detail } = JSON.parse(line) as { address: string; detail: string };
  return { url: address, operatorUrl: detail.slice(detail.indexOf('http')) };
}
