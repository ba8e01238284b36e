import { createHash } from 'node:crypto';
import type { Outcome } from '../../src/tokens/credential.ts';
import type { RenewalKind } from '../../src/tokens/record-marks.ts';
import { Seal, sealingKey, type SealingKey } from '../../src/tokens/seal.ts';
import type { Token } from '../../src/tokens/token.ts';
import { Account, type AccountOptions } from './account.ts';
import { Host } from './host.ts';
import type { Machine } from '../../src/app/process-identity.ts';
import { Process, type ProcessParts } from './process.ts';
import type { Random } from './random.ts';
import { Rules, type ClientRequest } from './rules.ts';
import { Scheduler } from './scheduler.ts';
import { Stored } from './stored.ts';

export interface WorldOptions {
  readonly store: 'redis' | 'embedded';
  /** Processes; over Redis each has a host of its own. */
  readonly processes: number;
  readonly accounts: readonly AccountOptions[];
  /** The processes of the one host are in two containers, each with process ids of its own. */
  readonly containers: boolean;
}

/** A rule was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

function keyOf(name: string): SealingKey {
  return sealingKey(createHash('sha256').update(name).digest('base64'));
}

/** How long a process that is replaced ends the requests that it has taken. ms. */
const DRAIN_MS = 1_500;
/** What a replica may not have heard of: its lag, and the way of a write to a slow server. ms. */
const NEWEST_WRITES_MS = 1_000;

/** Processes over one store before the endpoints of several accounts. */
export class World {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly options: WorldOptions;
  readonly accounts: readonly Account[];
  readonly hosts: readonly Host[];
  readonly stored: Stored;
  readonly rules: Rules;
  readonly processes: Process[] = [];
  /** Processes that take no further requests and have not ended yet. */
  readonly #leaving = new Set<Process>();
  /** The sealing keys of processes that start from now on, the current one first. */
  keys: readonly SealingKey[] = [keyOf('first')];
  #keyCount = 1;
  /** A second deployment on the same store: the same names, other users and endpoints. */
  #other: { readonly process: Process; readonly accounts: readonly Account[]; readonly since: number } | undefined;
  readonly #violations: string[] = [];
  readonly #history = createHash('sha256');
  readonly #print: ((line: string) => void) | undefined;
  readonly #open = new Set<ClientRequest>();
  #started = 0;
  /** True time of the last fault that concerns everybody: store, hosts, processes. */
  faultAt = -Infinity;
  /** The clock of a host or of the store was set: what it makes of ages is not what the endpoint makes of them. */
  clockWasSet = false;
  /** By more than a day. */
  clockWasADayOff = false;
  requests = 0;
  served = 0;

  /** `print` is given each line of what happens. */
  constructor(random: Random, options: WorldOptions, print?: (line: string) => void) {
    this.#print = print;
    this.random = random;
    this.options = options;
    this.rules = new Rules(this, (what) => this.#violations.push(`at ${Math.round(this.scheduler.now)} ms: ${what}`));
    this.scheduler = new Scheduler(() => this.rules.look());
    const hosts = options.store === 'redis' ? options.processes : 1;
    this.hosts = Array.from(
      { length: hosts },
      (_, i) => new Host(this.scheduler, `host-${i}`, 1 + (random.next() - 0.5) * 0.0001),
    );
    this.accounts = options.accounts.map((account, i) => new Account(`account-${i}`, this.scheduler, random, account));
    // The first token.
    for (const account of this.accounts) account.allowLogin();
    this.stored = new Stored(options.store, this.scheduler, random, (owner) => {
      this.globalFault();
      this.doubtLeases();
      const process = this.running.find((one) => one === owner);
      if (process === undefined) return;
      for (const account of this.accounts) {
        if (!this.isRenewing(process, account)) continue;
        account.lostNotes.add(process);
        // A call may have been counted without having been made.
        account.mayHaveCounted(this.scheduler.now);
      }
    });
    for (let i = 0; i < options.processes; i += 1) this.start(i);
  }

  start(at: number): void {
    this.#started += 1;
    this.processes[at] = new Process(this.#partsOf(at));
  }

  #partsOf(at: number): ProcessParts {
    const host = this.hosts[at % this.hosts.length]!;
    return {
      name: `process-${this.#started}`,
      host,
      machine: this.#machineOf(host, this.#started, `container ${this.options.containers ? at % 2 : 0}`),
      scheduler: this.scheduler,
      random: this.random,
      accounts: this.accounts,
      seal: new Seal(this.keys[0]!, this.keys.slice(1)),
      isLater: this.random.chance(0.3),
      readByLater: (account, record) => this.rules.readByLater(account, record),
      open: (process) => this.stored.open(process),
      leaseGranted: (process, account) => this.leaseGranted(process, account),
      call: (process, account, kind, token) => this.#call(process, account, kind, token),
    };
  }

  /** What a process sees of its host: the processes of its own container only. */
  #machineOf({ name }: Host, pid: number, namespace: string): Machine {
    const sees = (id: number): boolean =>
      [...this.running, this.#other?.process].some(
        (one) => one?.alive && one.machine.namespace === namespace && one.machine.pid === id,
      );
    return { host: name, pid, namespace, mayRun: sees, startTime: (id) => (sees(id) ? `started ${id}` : undefined) };
  }

  /** All processes that may still do something. */
  get running(): readonly Process[] {
    return [...this.processes, ...this.#leaving];
  }

  /** A process with the present configuration takes the place of another one, which ends what it has begun. */
  reload(at: number): void {
    const old = this.processes[at]!;
    if (this.scheduler.isFrozen(old)) return;
    this.note('reload', old.name);
    this.#leaving.add(old);
    this.start(at);
    // What is in memory only, such as a token that the store has lost, is gone with the process.
    for (const account of this.accounts) if (account.forgotten) account.allowLogin();
    const since = this.scheduler.now;
    const ended = (): void => {
      // It could not tell the store what it knew of a call that it had not made.
      if (this.faultAt >= since) for (const account of this.accounts) account.allowLogin();
      for (const account of this.accounts) this.#payForNotes(account, (writer) => writer === old);
      old.alive = false;
      this.stored.ended(old);
      this.scheduler.bury(old);
      this.#leaving.delete(old);
      for (const request of this.#open) if (request.process === old) this.#open.delete(request);
    };
    this.scheduler.at(DRAIN_MS, old, () => void old.leave().then(ended, ended));
  }

  /** Another process cannot know that the one whose spend note it finds has never made the call. */
  leaseGranted(process: Process, name: string): void {
    const account = this.accounts.find((one) => one.name === name)!;
    this.#payForNotes(account, (writer) => writer !== process);
    if (account.lateLease === undefined) return;
    if (account.lateLease !== process.owner) account.lateLeaseUntil = this.scheduler.now;
    account.lateLease = undefined;
  }

  #payForNotes(account: Account, of: (writer: object) => boolean): void {
    for (const writer of [...account.lostNotes]) {
      if (!of(writer)) continue;
      account.lostNotes.delete(writer);
      account.allowLogin();
    }
  }

  /** A second deployment finds records of the same names; undefined: there is something that it would not find. */
  openSecondDeployment(): { readonly process: Process; readonly accounts: readonly Account[] } | undefined {
    if (this.accounts.some(({ name, damaged, forgotten }) => damaged || forgotten || !this.stored.generation(name)))
      return undefined;
    const accounts = this.options.accounts.map((options, i) => {
      const account = new Account(
        `account-${i}`,
        this.scheduler,
        this.random,
        { ...options, budget: undefined, renewalBudget: undefined },
        'other',
      );
      account.allowLogin();
      return account;
    });
    this.#started += 1;
    const process: Process = new Process({
      ...this.#partsOf(0),
      name: `other-${this.#started}`,
      accounts,
      isLater: false,
      call: (self, account, kind, token) => {
        this.note('the other deployment', kind, account.name);
        return account.endpoint.call(self, kind, kind === 'login' ? 'first' : token!.revealRefresh()!);
      },
    });
    this.#other = { process, accounts, since: this.scheduler.now };
    return this.#other;
  }

  /** Its accounts, as long as nothing happens to it. */
  get otherAccounts(): readonly Account[] {
    return this.#other === undefined || this.faultAt >= this.#other.since ? [] : this.#other.accounts;
  }

  /** A client of the second deployment asks. */
  requestOfOther(process: Process, account: Account): void {
    if (!process.ready) return;
    const carry = async (): Promise<void> => {
      const { manager } = process;
      const token = await manager!.get(account.name);
      if (!account.held.includes(token)) account.held.push(token);
      await this.#trip(process);
      if (account.endpoint.accepts(token.reveal())) return;
      const newer = await manager!.renew(account.name, token, 'the upstream');
      if (!account.held.includes(newer)) account.held.push(newer);
    };
    carry().catch(() => undefined);
  }

  async closeSecondDeployment(): Promise<void> {
    const { process } = this.#other!;
    process.leave().catch(() => undefined);
    await this.scheduler.advance(2 * DRAIN_MS);
    process.alive = false;
    this.stored.ended(process);
    this.scheduler.bury(process);
    this.#other = undefined;
  }

  /** A new sealing key, which nobody uses yet. */
  newKey(): SealingKey {
    this.#keyCount += 1;
    return keyOf(`key ${this.#keyCount}`);
  }

  /** A process is killed, and another one starts in its place. */
  crash(at: number): void {
    const process = this.processes[at]!;
    this.note('crash', process.name);
    this.globalFault();
    // What it had sent, or was about to send, may be carried out without anybody hearing of it.
    for (const account of this.accounts) {
      const renewing = this.isRenewing(process, account);
      // And its successor knows nothing of a token that the store has lost.
      if (renewing || account.forgotten) account.allowLogin();
      // The login that it was about to make counts, whether it was made or not.
      if (renewing) account.mayHaveCounted(this.scheduler.now);
    }
    for (const account of this.accounts) this.#payForNotes(account, (writer) => writer === process);
    process.alive = false;
    this.stored.ended(process);
    this.scheduler.bury(process);
    for (const request of this.#open) if (request.process === process) this.#open.delete(request);
    this.start(at);
  }

  /** A fault that concerns every account. */
  globalFault(): void {
    this.faultAt = this.scheduler.now;
  }

  /** Something has happened by which the leases that these processes hold may have two holders. */
  doubtLeases(of: readonly Process[] = this.running): void {
    for (const account of this.accounts)
      for (const process of of) if (process.leases.has(account.name)) account.doubted.add(process);
  }

  /** One request of a client: get a token, send it, and renew and replay if the upstream rejects it. */
  request(process: Process, account: Account): void {
    if (!process.ready || this.scheduler.isFrozen(process)) return;
    const request: ClientRequest = { account, process, began: this.scheduler.now, revocations: account.revocations };
    this.requests += 1;
    process.requests += 1;
    this.#open.add(request);
    this.#carry(request).then(
      (ok) => this.#ended(request, ok ? undefined : 'the upstream rejected two tokens'),
      (error: unknown) => this.#ended(request, error),
    );
  }

  note(...words: readonly (string | number)[]): void {
    const line = `${Math.round(this.scheduler.now)} ${words.join(' ')}\n`;
    this.#history.update(line);
    this.#print?.(line);
  }

  /** The digest of everything that has happened: two runs of one seed have the same. */
  digest(): string {
    return this.#history.copy().digest('hex').slice(0, 16);
  }

  /** Throws if a rule was broken. */
  check(): void {
    if (this.#violations.length > 0) throw new Violation(this.#violations.join('; '));
  }

  wrong(what: string): void {
    this.#violations.push(`at ${Math.round(this.scheduler.now)} ms: ${what}`);
  }

  /** A client comes back with a token that it was given earlier. */
  rejectLate(process: Process, account: Account, token: Token): void {
    if (!process.ready || this.scheduler.isFrozen(process)) return;
    const { endpoint } = account;
    if (endpoint.accepts(token.reveal())) {
      account.allowCall();
      if (endpoint.options.kind === 'login-only') account.allowLogin();
    }
    endpoint.revoke(token.reveal());
    Promise.resolve()
      .then(() => process.manager!.renew(account.name, token, 'the upstream'))
      .then(
        (newer) => {
          if (newer.generation <= token.generation) this.wrong(`${account.name}: a rejected token was given out again`);
        },
        () => undefined,
      );
  }

  /** Whether the process is renewing this account's token. */
  isRenewing(process: Process, account: Account): boolean {
    const { name } = account;
    if (process.leases.has(name) || (process.calls.get(name) ?? 0) > 0) return true;
    return process.manager?.statusOf(name)?.renewing === true;
  }

  #renewing(account: Account): number {
    return this.running.filter((process) => this.isRenewing(process, account)).length;
  }

  /** The store has lost these keys, or what was last written to them. */
  lost(keys: readonly string[]): void {
    this.globalFault();
    this.doubtLeases();
    const { now } = this.scheduler;
    for (const account of this.accounts) {
      const { name, options, endpoint } = account;
      this.payForLease(account);
      if (keys.some((key) => key === `simulated:record:{${name}}`)) {
        account.forgotten = true;
        account.emptied = true;
        // A replica brings a record back that an operator has removed.
        account.damaged = this.stored.isDamaged(name);
        // A replica brings the note of a refresh back whose end it has not heard of: another process must take the
        // token for spent.
        if (now - account.unspentAt < NEWEST_WRITES_MS) account.allowLogin();
        // Whoever has the token in memory writes it back, unless one that has not, or has an older one, is asked for it
        // first: then that one is spent, and the newer one after it.
        if (!this.#isRememberedByAll(account)) {
          account.allowLogin();
          for (let calls = this.processes.length; calls > 0; calls -= 1) account.allowCall();
        }
      }
      const { budget, renewalBudget } = options;
      // Of what is lost, the last may have been that a counted call was never made.
      if ([budget, renewalBudget].some((one) => one && keys.includes(`simulated:budget:{${one.key}}`)))
        account.mayHaveCounted(now);
      if (renewalBudget !== undefined && keys.some((key) => key === `simulated:budget:{${renewalBudget.key}}`))
        account.forgottenRenewals.push({ at: now, count: endpoint.arrivals.length + this.#renewing(account) });
      if (budget !== undefined && keys.some((key) => key === `simulated:budget:{${budget.key}}`))
        // Those that are counted already, and the endpoint has not seen yet, are forgotten too.
        account.forgottenLogins.push({ at: now, count: endpoint.logins.length + this.#renewing(account) });
    }
  }

  /** An operator removes a record that does not open. */
  async mend(account: Account): Promise<void> {
    if (!account.damaged) return;
    const process = this.processes.find(({ ready }) => ready);
    if (process === undefined) return;
    // The lease goes with the record: at the latest when the reply is here, and at the earliest now.
    account.leaseMayGo = true;
    const removed = await process.store!.remove(account.name).then(
      () => true,
      // Its reply may have been lost.
      () => this.stored.generation(account.name) === undefined,
    );
    account.leaseMayGo = false;
    if (!removed) return;
    account.damaged = false;
    this.doubtLeases();
    account.emptied = true;
    account.forgotten = true;
    account.allowLogin();
    account.fault(this.scheduler.now);
  }

  /** Nothing of it happens any more. */
  end(): void {
    for (const process of this.running) {
      process.alive = false;
      this.scheduler.bury(process);
    }
  }

  /** Somebody may renew beside the one who holds the lease, and find a refresh token that is spent. */
  payForLease(account: Account): void {
    if (!this.running.some((process) => this.isRenewing(process, account))) return;
    account.allowLogin();
    // A call may have been counted without having been made.
    account.mayHaveCounted(this.scheduler.now);
  }

  #isRememberedByAll({ name }: Account): boolean {
    const generations = this.processes.map(({ alive, manager }) =>
      alive ? (manager?.statusOf(name)?.generation ?? 0) : 0,
    );
    return generations.every((generation) => generation > 0 && generation === generations[0]);
  }

  async #carry({ process, account }: ClientRequest): Promise<boolean> {
    const manager = process.manager!;
    const token = await manager.get(account.name);
    this.rules.handedOut(process, account, token);
    await this.#trip(process);
    if (account.endpoint.accepts(token.reveal())) {
      manager.accepted(account.name, token);
      return true;
    }
    const rejectedAt = process.host.wall();
    const newer = await this.#replay(process, account, token);
    if (newer === undefined) return true;
    // As in the request path: a token that was only found proves nothing.
    return newer.obtainedAt < rejectedAt && (await this.#replay(process, account, newer)) === undefined;
  }

  /** Renews and replays. The token, if it was rejected as well. */
  async #replay(process: Process, account: Account, rejected: Token): Promise<Token | undefined> {
    const manager = process.manager!;
    // A rejection may be late: what made the token end is counted where it happened.
    const newer = await manager.renew(account.name, rejected, 'the upstream');
    if (newer.generation <= rejected.generation) this.wrong(`${account.name}: a rejected token was given out again`);
    this.rules.handedOut(process, account, newer);
    await this.#trip(process);
    if (!account.endpoint.accepts(newer.reveal())) return newer;
    manager.accepted(account.name, newer);
    return undefined;
  }

  #trip(process: Process): Promise<void> {
    return new Promise((resolve) => void this.scheduler.at(10 + this.random.below(40), process, resolve));
  }

  #ended(request: ClientRequest, problem: unknown): void {
    if (!this.#open.delete(request)) return;
    if (problem === undefined) this.served += 1;
    const text = problem instanceof Error || typeof problem === 'string' ? String(problem) : 'served';
    this.note(request.process.name, request.account.name, text);
    this.rules.requestEnded(request, problem, text);
  }

  async #call(process: Process, account: Account, kind: RenewalKind, token: Token | undefined): Promise<Outcome> {
    const { name, endpoint } = account;
    this.note(process.name, kind, name, endpoint.weather);
    this.rules.callBegins(process, account);
    process.calls.set(name, (process.calls.get(name) ?? 0) + 1);
    const before = endpoint.logins.length;
    if (kind === 'login') account.attempts.push(this.scheduler.now);
    account.renewals.push(this.scheduler.now);
    const secret = kind === 'login' ? process.passwords.get(name)! : token!.revealRefresh()!;
    const outcome = await endpoint.call(process, kind, secret);
    process.calls.set(name, process.calls.get(name)! - 1);
    this.note(process.name, kind, name, outcome.kind, outcome.kind === 'failed' ? outcome.reason : '');
    this.rules.callEnded(account, kind, outcome, endpoint.logins.length > before);
    return outcome;
  }
}
