import type { Timers } from '../../src/tokens/clock.ts';
import type { Credential, Outcome } from '../../src/tokens/credential.ts';
import { TokenManager, type TokenObserver } from '../../src/tokens/manager.ts';
import type { RenewalKind } from '../../src/tokens/record-marks.ts';
import { Records } from '../../src/tokens/records.ts';
import type { Seal } from '../../src/tokens/seal.ts';
import type { TokenStore } from '../../src/tokens/store.ts';
import type { Token } from '../../src/tokens/token.ts';
import type { Account } from './account.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** What a process tells of itself: counted, because each is a line in a log. */
export interface Told {
  lines: number;
}

export interface ProcessParts {
  readonly name: string;
  readonly host: Host;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly accounts: readonly Account[];
  readonly seal: Seal;
  readonly open: (process: Process) => Promise<TokenStore>;
  readonly call: (process: Process, account: Account, kind: RenewalKind, token: Token | undefined) => Promise<Outcome>;
}

/** One tokenward: the real manager, records and store, on a host of the simulation. */
export class Process {
  readonly name: string;
  readonly host: Host;
  readonly timers: Timers;
  readonly told: Told = { lines: 0 };
  readonly #parts: ProcessParts;
  manager: TokenManager | undefined;
  store: TokenStore | undefined;
  records: Records | undefined;
  alive = true;
  /** It has read its accounts and takes requests. */
  ready = false;
  /** Calls to token endpoints under way, by account. */
  readonly calls = new Map<string, number>();

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.host = parts.host;
    const { scheduler, host } = parts;
    this.timers = {
      after: (ms, action) => {
        const event = scheduler.at(Math.max(0, ms) / host.rate, this, action, true);
        return () => scheduler.cancel(event);
      },
    };
    this.#start().catch(() => undefined);
  }

  async #start(): Promise<void> {
    const { accounts, seal, host, random, name } = this.#parts;
    let store: TokenStore | undefined;
    // An orchestrator starts a process that ended again, after a moment.
    while (store === undefined && this.alive) {
      store = await this.#parts.open(this).catch(() => undefined);
      if (store === undefined) await new Promise<void>((resolve) => void this.timers.after(1_000, resolve));
    }
    if (store === undefined || !this.alive) return;
    this.store = store;
    this.records = new Records(store, seal, host);
    this.manager = new TokenManager(
      accounts.map((account) => this.credentialOf(account)),
      {
        store,
        records: this.records,
        clock: host,
        observer: this.#observer(),
        owner: name,
        maxAccounts: accounts.length,
        random: () => random.next(),
        timers: this.timers,
      },
    );
    while (!this.ready && this.alive) {
      this.ready = await this.manager.load().then(
        () => true,
        () => false,
      );
      if (!this.ready) await new Promise<void>((resolve) => void this.timers.after(1_000, resolve));
    }
  }

  credentialOf(account: Account): Credential {
    const { name, options, credentials } = account;
    const { kind, grace } = account.endpoint.options;
    return {
      account: name,
      flow: 'simulated',
      identity: account.identity,
      credentialsFingerprint: credentials,
      staticToken: undefined,
      renew: options.renew,
      canLogin: true,
      canRefresh: kind !== 'login-only',
      budget: options.budget,
      rotationGrace: grace,
      login: () => this.#parts.call(this, account, 'login', undefined),
      refresh: (token) => this.#parts.call(this, account, 'refresh', token),
    };
  }

  #observer(): TokenObserver {
    const line = (): void => void (this.told.lines += 1);
    return {
      renewed: line,
      suppressed: () => undefined,
      changed: () => undefined,
      storeFailed: line,
      recordUnreadable: line,
      foreignRecord: line,
    };
  }
}
