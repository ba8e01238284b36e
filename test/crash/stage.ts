import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import type { Ledger } from '../../src/sandbox/ledger.ts';
import { Callers, type CallerEntry } from './callers.ts';
import { startChild, type Child } from '../harness/child.ts';
import { modeConfig, targetsOf, vendorOf, type EndpointMode } from './modes.ts';
import { EMBEDDED, type StoreUnderTest } from './stores.ts';

type Config = Record<string, unknown>;

export interface StageOptions {
  readonly store?: StoreUnderTest;
  /** Folder of the store, if it must be a certain one. */
  readonly data?: string;
  readonly change?: (config: Config, sandbox: Sandbox) => Config;
}

/** One tokenward in a process of its own before a sandbox of its own, and its callers. */
export class Stage {
  readonly sandbox: Sandbox;
  readonly mode: EndpointMode;
  readonly callers = new Callers();
  readonly data: string;
  readonly config: string;
  #child: Child | undefined;

  private constructor(sandbox: Sandbox, mode: EndpointMode, folder: string, options: StageOptions) {
    this.sandbox = sandbox;
    this.mode = mode;
    this.data = options.data ?? join(folder, 'data');
    this.config = join(folder, 'proxy.config.json');
    const base = modeConfig(sandbox, mode, (options.store ?? EMBEDDED).config(this.data));
    this.#write(options.change?.(base, sandbox) ?? base);
  }

  /** Starts everything, acts, and ends everything whatever came of it. */
  static async with<T>(mode: EndpointMode, options: StageOptions, act: (stage: Stage) => Promise<T>): Promise<T> {
    const sandbox = await startSandbox();
    mode.prepare(sandbox);
    const folder = mkdtempSync(join(tmpdir(), 'tokenward-stage-'));
    const stage = new Stage(sandbox, mode, folder, options);
    try {
      await stage.start();
      return await act(stage);
    } finally {
      await stage.kill();
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  get child(): Child {
    if (this.#child === undefined) throw new Error('no process is running');
    return this.#child;
  }

  /** Where the process listens, while there is one. */
  get url(): string | undefined {
    return this.#child?.url;
  }

  get ledger(): Ledger {
    return this.sandbox.ledger;
  }

  /** Writes the configuration anew, for the next start. */
  change(change: (config: Config) => Config): void {
    this.#write(change(JSON.parse(readFileSync(this.config, 'utf8')) as Config));
  }

  #write(config: Config): void {
    writeFileSync(this.config, JSON.stringify(config), { mode: 0o600 });
  }

  async start(): Promise<void> {
    this.#child = await startChild(this.config);
  }

  async kill(): Promise<void> {
    await this.#child?.end();
    this.#child = undefined;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** A caller's request. Never rejects. */
  send(method: 'GET' | 'POST' = 'GET'): Promise<CallerEntry> {
    const { read, write } = targetsOf(this.mode);
    return this.callers.send(this.child.url, method, method === 'GET' ? read : write);
  }

  /** The upstream takes none of the tokens it has given out any longer. */
  revoke(): void {
    vendorOf(this.sandbox, this.mode).revokeAll();
  }

  tokenCalls(since: number): number {
    return this.ledger.count({ since, where: ({ kind }) => kind !== 'api' });
  }
}
