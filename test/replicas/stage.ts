import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ledger } from '../../src/sandbox/ledger.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { startChild, type Child } from '../harness/child.ts';
import type { Callers } from './callers.ts';

type Part = Readonly<Record<string, unknown>>;

export interface StageOptions {
  /** The `store` section without its key; the n-th replica's, if they differ. */
  readonly store: Part | ((replica: number) => Part);
  readonly replicas: number;
  /** More of the chatapp account's settings. */
  readonly account?: Part;
  /** How many accounts of it there are; each has a route /0, /1, … */
  readonly accounts?: number;
  readonly prepare?: (sandbox: Sandbox) => void;
  readonly shutdown?: Part;
}

/** Several tokenwards over one store before one sandbox. */
export class Stage {
  readonly sandbox: Sandbox;
  readonly replicas: Child[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'tokenward-replicas-'));
  readonly #options: StageOptions;
  readonly #key = randomBytes(32).toString('base64');

  private constructor(sandbox: Sandbox, options: StageOptions) {
    this.sandbox = sandbox;
    this.#options = options;
  }

  /** Starts everything, acts, and ends everything whatever came of it. */
  static async with<T>(options: StageOptions, act: (stage: Stage) => Promise<T>): Promise<T> {
    const sandbox = await startSandbox();
    const stage = new Stage(sandbox, options);
    try {
      for (let more = 1; more < (options.accounts ?? 1); more += 1)
        sandbox.chatapp.accounts.push({ ...sandbox.credentials.chatapp, email: `crm-${more}@sandbox.example` });
      options.prepare?.(sandbox);
      stage.replicas.push(
        ...(await Promise.all(Array.from({ length: options.replicas }, (_, index) => stage.start(index)))),
      );
      return await act(stage);
    } finally {
      await Promise.all(stage.replicas.map((replica) => replica.end()));
      await sandbox.close();
      rmSync(stage.#folder, { recursive: true, force: true });
    }
  }

  get ledger(): Ledger {
    return this.sandbox.ledger;
  }

  /** The number of the newest entry: what comes later belongs to the next step. */
  mark(): number {
    return this.ledger.last()?.seq ?? 0;
  }

  logins(since = 0): number {
    return this.ledger.count({ kind: 'login', since });
  }

  refreshes(since = 0): number {
    return this.ledger.count({ kind: 'refresh', since });
  }

  /** The refresh tokens that arrived more than once. */
  spentTwice(since = 0): string[] {
    const spent = this.ledger
      .entries({ kind: 'refresh', since })
      .map(({ refreshTokenId }) => refreshTokenId ?? 'unknown');
    return [...new Set(spent.filter((id, index) => spent.indexOf(id) !== index))];
  }

  async start(index: number): Promise<Child> {
    const file = join(this.#folder, `replica-${index}.json`);
    writeFileSync(file, JSON.stringify(this.#config(index)), { mode: 0o600 });
    return startChild(file);
  }

  /** The pair whose token a replica uses now, as the upstream sees it: of a request that succeeds. */
  async tokenOf(callers: Callers, who: string, replica: Child): Promise<string | undefined> {
    const { id, ok } = await callers.once(who, replica.url);
    return ok ? (this.ledger.last({ kind: 'api', requestId: id, outcome: 'ok' })?.tokenId ?? undefined) : undefined;
  }

  /** The pair that the token endpoint issued last. */
  newestToken(): string | undefined {
    return this.ledger.last({ where: ({ kind, issued }) => kind !== 'api' && issued !== null })?.issued ?? undefined;
  }

  #config(index: number): unknown {
    const { store, account, accounts = 1, shutdown } = this.#options;
    const { urls, chatapp } = this.sandbox;
    const numbers = Array.from({ length: accounts }, (_, number) => number);
    return {
      listen: { host: '127.0.0.1', port: 0 },
      operator: { host: '127.0.0.1', port: 0 },
      store: { ...(typeof store === 'function' ? store(index) : store), key: this.#key },
      accounts: Object.fromEntries(
        numbers.map((number) => [
          `crm${number}`,
          { flow: 'chatapp', baseUrl: urls.chatapp, credentials: { ...chatapp.accounts[number] }, ...account },
        ]),
      ),
      routes: numbers.map((number) => ({ prefix: `/${number}`, upstream: urls.chatapp, account: `crm${number}` })),
      shutdown: shutdown ?? { drain: '5s' },
      log: { level: 'warn' },
    };
  }
}
