import { createObserver } from '../../src/app/token-observer.ts';
import type { Logger } from '../../src/log.ts';
import type { Metrics } from '../../src/metrics.ts';
import { leaseOwner, type Machine } from '../../src/app/process-identity.ts';
import type { Timers } from '../../src/tokens/clock.ts';
import type { Credential, Outcome } from '../../src/tokens/credential.ts';
import { TokenManager, type TokenObserver } from '../../src/tokens/manager.ts';
import type { RenewalKind } from '../../src/tokens/record-marks.ts';
import { Records, type CredentialRecord } from '../../src/tokens/records.ts';
import type { Seal } from '../../src/tokens/seal.ts';
import type { TokenStore } from '../../src/tokens/store.ts';
import type { Token } from '../../src/tokens/token.ts';
import type { Account } from './account.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export interface ProcessParts {
  readonly name: string;
  readonly host: Host;
  readonly machine: Machine;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly accounts: readonly Account[];
  readonly seal: Seal;
  readonly open: (process: Process) => Promise<TokenStore>;
  /** A version that is not released yet: it writes a field that this one does not know. */
  readonly isLater: boolean;
  readonly readByLater: (account: string, record: CredentialRecord) => void;
  readonly leaseGranted: (process: Process, account: string) => void;
  readonly call: (process: Process, account: Account, kind: RenewalKind, token: Token | undefined) => Promise<Outcome>;
}

/** One tokenward: the real manager, records and store, on a host of the simulation. */
export class Process {
  readonly name: string;
  readonly host: Host;
  readonly machine: Machine;
  /** Its name in leases. */
  readonly owner: string;
  readonly timers: Timers;
  /** Lines in its log, as an operator reads it. */
  lines = 0;
  /** Requests of clients that it was asked to serve. */
  requests = 0;
  readonly #parts: ProcessParts;
  manager: TokenManager | undefined;
  store: TokenStore | undefined;
  records: Records | undefined;
  alive = true;
  /** It has read its accounts and takes requests. */
  ready = false;
  /** Accounts whose lease it holds or asks for: a renewal may outlive the requests that waited for it. */
  readonly leases = new Set<string>();
  /** The passwords in its configuration, by account. */
  readonly passwords: ReadonlyMap<string, string>;
  /** Calls to token endpoints under way, by account. */
  readonly calls = new Map<string, number>();

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.host = parts.host;
    this.machine = parts.machine;
    this.owner = leaseOwner(parts.machine);
    this.passwords = new Map(parts.accounts.map(({ name, credentials }) => [name, credentials]));
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
    const { accounts, seal, host, random } = this.#parts;
    let store: TokenStore | undefined;
    // An orchestrator starts a process that ended again, after a moment.
    while (store === undefined && this.alive) {
      store = await this.#parts.open(this).catch(() => undefined);
      if (store === undefined) await new Promise<void>((resolve) => void this.timers.after(1_000, resolve));
    }
    if (store === undefined || !this.alive) return;
    this.#watchLeases(store);
    this.store = store;
    this.records = this.#parts.isLater
      ? new LaterRecords(store, seal, host, this.#parts.readByLater)
      : new Records(store, seal, host);
    this.manager = new TokenManager(
      accounts.map((account) => this.credentialOf(account)),
      {
        store,
        records: this.records,
        clock: host,
        observer: this.#observer(),
        owner: this.owner,
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

  /** Takes no further requests, and ends once what is under way has ended. */
  async leave(): Promise<void> {
    this.ready = false;
    await this.manager?.close();
  }

  #watchLeases(store: TokenStore): void {
    const acquire = store.acquireLease.bind(store);
    const release = store.releaseLease.bind(store);
    // An operator's command may use the same connection under a name of its own.
    store.acquireLease = async (account, owner, ttl) => {
      if (owner !== this.owner) return acquire(account, owner, ttl);
      const held = this.leases.has(account);
      // The store may grant it before the reply arrives.
      this.leases.add(account);
      const granted = await acquire(account, owner, ttl);
      if (granted) this.#parts.leaseGranted(this, account);
      else if (!held) this.leases.delete(account);
      return granted;
    };
    store.releaseLease = (account, owner) => {
      if (owner === this.owner) this.leases.delete(account);
      return release(account, owner);
    };
  }

  credentialOf(account: Account): Credential {
    const { name, options } = account;
    const { kind, grace } = account.endpoint.options;
    return {
      account: name,
      flow: 'simulated',
      identity: account.identity,
      credentialsFingerprint: this.passwords.get(name)!,
      staticToken: undefined,
      renew: options.renew,
      canLogin: true,
      canRefresh: kind !== 'login-only',
      budget: options.budget,
      renewalBudgets: options.renewalBudget && [options.renewalBudget],
      rotationGrace: grace,
      login: () => this.#parts.call(this, account, 'login', undefined),
      refresh: (token) => this.#parts.call(this, account, 'refresh', token),
    };
  }

  /** The product's own, whose log counts its lines and whose metrics are nobody's. */
  #observer(): TokenObserver {
    const line = (): void => void (this.lines += 1);
    return createObserver({
      metrics: NO_METRICS,
      log: { error: line, warn: line, info: line, debug: () => undefined } as unknown as Logger,
      clock: this.host,
      declared: [],
      statusOf: (account) => this.manager?.statusOf(account),
    });
  }
}

/** Records as a later version keeps them: with one more field. */
class LaterRecords extends Records {
  readonly #read: (account: string, record: CredentialRecord) => void;

  constructor(store: TokenStore, seal: Seal, host: Host, read: (account: string, record: CredentialRecord) => void) {
    super(store, seal, host);
    this.#read = read;
  }

  override async read(account: string, identity?: string): Promise<CredentialRecord> {
    const record = await super.read(account, identity);
    this.#read(account, record);
    return record;
  }

  override replace(account: string, next: CredentialRecord): Promise<CredentialRecord | undefined> {
    const { generation, unknown } = next;
    return super.replace(account, { ...next, unknown: { generation, token: {}, ...unknown, record: { later: true } } });
  }
}

const NO_METRIC = { inc: () => undefined, observe: () => undefined, set: () => undefined, remove: () => undefined };
const NO_METRICS = new Proxy({} as Metrics, {
  get: (_, name) => (name === 'accountLabel' ? (account: string) => account : NO_METRIC),
});
