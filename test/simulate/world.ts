import { createHash } from 'node:crypto';
import { TokenwardError } from '../../src/errors.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import type { RenewalKind } from '../../src/tokens/record-marks.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import type { TokenStore } from '../../src/tokens/store.ts';
import { BroadcastingStore } from '../../src/tokens/stores/broadcasting.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import type { Token } from '../../src/tokens/token.ts';
import { Account, DAY_MS, LOGINS_A_DAY, RESERVE, type AccountOptions } from './account.ts';
import { Host } from './host.ts';
import { LmdbDisk, LmdbSimulation } from './lmdb.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';
import { RedisServer } from './redis-server.ts';
import { Scheduler } from './scheduler.ts';

interface Doubt {
  readonly after?: number;
  readonly ms?: number;
  readonly of?: readonly Process[];
}

export interface WorldOptions {
  readonly store: 'redis' | 'embedded';
  /** Processes; over Redis each has a host of its own. */
  readonly processes: number;
  readonly accounts: readonly AccountOptions[];
}

/** A rule was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

const SEAL = new Seal(sealingKey(createHash('sha256').update('simulation').digest('base64')));
const COMMAND_TIMEOUT_MS = 500;
/** A lease ends so long after the last doubt about it. ms. */
export const LEASE_MS = 30_000;
/** After the last fault, everything works again within so long: the longest pause that a fault can leave behind. ms. */
const QUIET_MS = 320_000;
/** A client whose account is well waits no longer: a lease poll, a call to the endpoint and a few writes. ms. */
const SERVED_WITHIN_MS = 5_000;

/** One request of a client, from the token it asks for to the upstream's response. */
interface ClientRequest {
  /** How often the vendor had revoked tokens when it began. */
  readonly revocations: number;
  readonly account: Account;
  readonly process: Process;
  readonly began: number;
}

/** Processes over one store before the endpoints of several accounts, and the rules that hold whatever happens. */
export class World {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly options: WorldOptions;
  readonly accounts: readonly Account[];
  readonly hosts: readonly Host[];
  readonly redis: RedisServer | undefined;
  readonly disk: LmdbDisk | undefined;
  readonly processes: Process[] = [];
  readonly #listeners = new Map<Process, (account: string) => void>();
  readonly #simulations = new Map<Process, LmdbSimulation>();
  readonly #violations: string[] = [];
  readonly #history = createHash('sha256');
  readonly #print: ((line: string) => void) | undefined;
  readonly #open = new Set<ClientRequest>();
  readonly #generations = new Map<string, number>();
  readonly #secrets = new Map<string, string>();
  #started = 0;
  /** True time of the last fault that concerns everybody: store, hosts, processes. */
  faultAt = -Infinity;
  /** The clock of a host or of the store was set: what it makes of ages is not what the endpoint makes of them. */
  clockWasSet = false;
  requests = 0;
  served = 0;
  /** Steps of each account, and those at which every rule was on. */
  steps = 0;
  judged = 0;

  /** `print` is given each line of what happens. */
  constructor(random: Random, options: WorldOptions, print?: (line: string) => void) {
    this.#print = print;
    this.random = random;
    this.options = options;
    this.scheduler = new Scheduler(() => this.#look());
    const hosts = options.store === 'redis' ? options.processes : 1;
    this.hosts = Array.from(
      { length: hosts },
      (_, i) => new Host(this.scheduler, `host-${i}`, 1 + (random.next() - 0.5) * 0.001),
    );
    this.accounts = options.accounts.map((account, i) => new Account(`account-${i}`, this.scheduler, random, account));
    for (const account of this.accounts) account.credit = 1;
    if (options.store === 'redis') {
      this.redis = new RedisServer(this.scheduler, random, () => {
        this.globalFault();
        this.doubtLeases();
        // Another process cannot know that the one whose spend note it finds has never made the call.
        for (const account of this.accounts) this.payForLease(account);
      });
    } else this.disk = new LmdbDisk();
    for (let i = 0; i < options.processes; i += 1) this.start(i);
  }

  start(at: number): void {
    this.#started += 1;
    this.processes[at] = new Process({
      name: `process-${this.#started}`,
      host: this.hosts[at % this.hosts.length]!,
      scheduler: this.scheduler,
      random: this.random,
      accounts: this.accounts,
      seal: SEAL,
      open: (process) => this.#openStore(process),
      call: (process, account, kind, token) => this.#call(process, account, kind, token),
    });
  }

  /** A process is killed, and another one starts in its place. */
  crash(at: number): void {
    const process = this.processes[at]!;
    this.note('crash', process.name);
    this.globalFault();
    // What it had sent, or was about to send, may be carried out without anybody hearing of it.
    for (const account of this.accounts) {
      const renewing = this.isRenewing(process, account);
      process.alive = false;
      // And its successor knows nothing of a token that the store has lost.
      if (renewing || account.forgotten) account.credit += 1;
      // The login that it was about to make counts, whether it was made or not.
      if (renewing) account.attempts.push(this.scheduler.now);
    }
    process.alive = false;
    this.#simulations.get(process)?.kill();
    this.scheduler.bury(process);
    for (const request of this.#open) if (request.process === process) this.#open.delete(request);
    this.start(at);
  }

  /** A fault that concerns every account. */
  globalFault(): void {
    this.faultAt = this.scheduler.now;
  }

  /**
   * Something has happened by which the leases that these processes hold may have two holders, from `after` ms on and
   * for `ms` ms after that.
   */
  doubtLeases({ after = 0, ms = LEASE_MS, of = this.processes }: Doubt = {}): void {
    const { now } = this.scheduler;
    for (const account of this.accounts)
      if (of.some((process) => this.isRenewing(process, account))) account.doubtLease(now + after, now + after + ms);
  }

  /** One request of a client: get a token, send it, and renew and replay if the upstream rejects it. */
  request(process: Process, account: Account): void {
    if (!process.ready || this.scheduler.isFrozen(process)) return;
    const request: ClientRequest = { account, process, began: this.scheduler.now, revocations: account.revocations };
    this.requests += 1;
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
    const wasAlive = account.endpoint.accepts(token.reveal());
    if (wasAlive && account.endpoint.options.kind === 'login-only') account.credit += 1;
    account.endpoint.revoke(token.reveal());
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
    return process.manager?.statusOf(account.name)?.renewing === true || (process.calls.get(account.name) ?? 0) > 0;
  }

  /** The store has lost these keys, or what was last written to them. */
  lost(keys: readonly string[]): void {
    this.globalFault();
    this.doubtLeases();
    for (const account of this.accounts) {
      const { name, options } = account;
      this.payForLease(account);
      if (keys.some((key) => key === `simulated:record:{${name}}`)) {
        account.forgotten = true;
        account.emptied = true;
        // Whoever has the token in memory writes it back, unless one that has not is asked for it first.
        if (!this.#isRememberedByAll(account)) account.credit += 1;
      }

      const { budget } = options;
      // Each process remembers its own logins only, and tells of them with the next one.
      if (budget !== undefined && keys.some((key) => key === `simulated:budget:{${budget.key}}`))
        account.budgetDoubtUntil = this.scheduler.now + DAY_MS;
    }
  }

  /** Overwrites what is sealed in an account's record. False: there is none. */
  damage({ name }: Account): boolean {
    const generation = this.#storedGeneration(name);
    if (generation === undefined) return false;
    const sealed = Buffer.from('not what it was').toString('base64');
    if (this.disk !== undefined) {
      const row = JSON.parse(this.disk.rows.get(`record/${name}`)!) as object;
      this.disk.rows.set(`record/${name}`, JSON.stringify({ ...row, sealed }));
    } else {
      const key = `simulated:record:{${name}}`;
      const fields = this.redis!.data.entry(key)!.value as Map<string, string>;
      this.redis!.data.put(key, new Map([...fields, ['sealed', sealed]]));
    }
    return true;
  }

  /** An operator removes a record that does not open. */
  async mend(account: Account): Promise<void> {
    if (!account.damaged) return;
    const process = this.processes.find(({ ready }) => ready);
    if (process === undefined) return;
    await process.store!.remove(account.name).then(
      () => {
        account.damaged = false;
        // The lease goes with the record.
        account.doubtLease(this.scheduler.now, this.scheduler.now + LEASE_MS);
        account.emptied = true;
        account.forgotten = true;
        account.credit += 1;
        account.fault(this.scheduler.now);
      },
      () => undefined,
    );
  }

  /** Nothing of it happens any more. */
  end(): void {
    for (const process of this.processes) {
      process.alive = false;
      this.scheduler.bury(process);
    }
  }

  /** Somebody may renew beside the one who holds the lease, and find a refresh token that is spent. */
  payForLease(account: Account): void {
    if (!this.processes.some((process) => this.isRenewing(process, account))) return;
    account.credit += 1;
    // A login may have been counted without having been made.
    account.attempts.push(this.scheduler.now);
  }

  #isRememberedByAll({ name }: Account): boolean {
    return this.processes.every(({ alive, manager }) => alive && (manager?.statusOf(name)?.generation ?? 0) > 0);
  }

  async #carry({ process, account }: ClientRequest): Promise<boolean> {
    const manager = process.manager!;
    const token = await manager.get(account.name);
    this.#handedOut(process, account, token);
    await this.#trip(process);
    if (account.endpoint.accepts(token.reveal())) {
      manager.accepted(account.name, token);
      return true;
    }
    // A rejection may be late: what made the token end is counted where it happened.
    const newer = await manager.renew(account.name, token, 'the upstream');
    if (newer.generation <= token.generation) this.wrong(`${account.name}: a rejected token was given out again`);
    this.#handedOut(process, account, newer);
    await this.#trip(process);
    const ok = account.endpoint.accepts(newer.reveal());
    if (ok) manager.accepted(account.name, newer);
    return ok;
  }

  #trip(process: Process): Promise<void> {
    return new Promise((resolve) => void this.scheduler.at(10 + this.random.below(40), process, resolve));
  }

  #ended(request: ClientRequest, problem: unknown): void {
    if (!this.#open.delete(request)) return;
    const { account, began } = request;
    if (problem === undefined) this.served += 1;
    const text = problem instanceof Error || typeof problem === 'string' ? String(problem) : 'served';
    this.note(request.process.name, account.name, text);
    const took = this.scheduler.now - began;
    if (problem instanceof Error && (!(problem instanceof TokenwardError) || problem.code === 'internal'))
      this.wrong(`${account.name}: a client was refused with ${text}`);
    // A store that did not reply in time may have counted a login that was not made.
    if (problem instanceof TokenwardError && problem.code === 'store_unavailable')
      account.attempts.push(this.scheduler.now);
    const lastFault = Math.max(this.faultAt, account.faultAt);
    if (account.endpoint.weather !== 'fine') return;
    if (began - lastFault < QUIET_MS || this.#excused(account)) return;
    // It met more than one revocation, or a token of an import that had ended in the store.
    if (
      typeof problem === 'string' &&
      (account.revocations > request.revocations || account.imported || account.emptied)
    )
      return;
    // Isolation and liveness: nothing concerned this account for long, so its clients notice nothing.
    if (problem !== undefined) this.wrong(`${account.name}: a request failed though all was well: ${text}`);
    else if (took > SERVED_WITHIN_MS) this.wrong(`${account.name}: a request took ${Math.round(took)} ms`);
  }

  /** No login is left by the endpoint's own count, or a person must act. */
  #excused(account: Account): boolean {
    if (!account.endpoint.passwordWorks || account.damaged || account.refused) return true;
    if (account.options.budget === undefined) return false;
    // A login that never arrived counts as well, unless it is certain that it did not; and a clock that was set may
    // make logins count for longer.
    const since = this.clockWasSet ? -Infinity : this.scheduler.now - DAY_MS - 60_000;
    return account.attempts.filter((at) => at > since).length >= LOGINS_A_DAY - RESERVE;
  }

  /** Logins that reached the endpoint within a day of true time. */
  loginsOf({ endpoint }: Account): number {
    return endpoint.logins.filter((at) => at > this.scheduler.now - DAY_MS).length;
  }

  async #call(process: Process, account: Account, kind: RenewalKind, token: Token | undefined): Promise<Outcome> {
    const { name, endpoint } = account;
    this.note(process.name, kind, name, endpoint.weather);
    const others = this.processes.filter((other) => other !== process && (other.calls.get(name) ?? 0) > 0);
    if (others.length > 0 && !account.isLeaseInDoubt(this.scheduler.now))
      this.wrong(`${name}: two renewals at once under one lease`);
    if ((process.calls.get(name) ?? 0) > 0) this.wrong(`${name}: two renewals at once in one process`);
    process.calls.set(name, (process.calls.get(name) ?? 0) + 1);
    const before = endpoint.logins.length;
    if (kind === 'login') account.attempts.push(this.scheduler.now);
    const outcome = await endpoint.call(process, kind, token?.revealRefresh());
    process.calls.set(name, process.calls.get(name)! - 1);
    this.note(process.name, kind, name, outcome.kind, outcome.kind === 'failed' ? outcome.reason : '');
    this.#payFor(account, kind, outcome, endpoint.logins.length > before);
    return outcome;
  }

  /** What the end of a call makes excusable. */
  #payFor(account: Account, kind: RenewalKind, outcome: Outcome, arrived: boolean): void {
    if (outcome.kind === 'granted') {
      if (kind === 'login') account.refused = false;
      account.refreshFailures = 0;
      return;
    }
    account.fault(this.scheduler.now);
    // A login that brought nothing may be made again.
    if (kind === 'login') {
      if (outcome.kind === 'refused') account.refused = true;
      if (outcome.kind === 'failed' && outcome.reach === 'unsent') account.attempts.pop();
      if (arrived) account.credit += 1;
      return;
    }
    const spent = outcome.kind === 'failed' && outcome.maybeSpent;
    if (outcome.kind === 'refused' || spent) account.credit += 1;
    else if (outcome.kind === 'failed' && outcome.reach === 'answered') {
      account.refreshFailures += 1;
      if (account.refreshFailures % 3 === 0) account.credit += 1;
    }
  }

  #handedOut(process: Process, account: Account, token: Token): void {
    const { name } = account;
    if (!account.held.some(({ generation }) => generation === token.generation)) account.held.push(token);
    if (account.held.length > 6) account.held.shift();
    const state = process.manager!.statusOf(name);
    if (state?.problem === 'the new token could not be stored yet' || account.forgotten || account.damaged) return;
    const key = `${name} ${token.generation}`;
    const known = this.#secrets.get(key);
    if (known !== undefined && known !== token.reveal() && !account.emptied)
      this.wrong(`${name}: one generation means two tokens`);
    this.#secrets.set(key, token.reveal());
    if ((this.#storedGeneration(name) ?? 0) < token.generation)
      this.wrong(`${name}: a token was given out that is not stored`);
  }

  #storedGeneration(name: string): number | undefined {
    if (this.disk !== undefined) {
      const row = this.disk.rows.get(`record/${name}`);
      return row === undefined ? undefined : (JSON.parse(row) as { generation: number }).generation;
    }
    const entry = this.redis!.data.entry(`simulated:record:{${name}}`)?.value;
    return entry instanceof Map ? Number(entry.get('generation')) : undefined;
  }

  /** After each event. */
  #look(): void {
    for (const account of this.accounts) {
      this.steps += 1;
      const { now } = this.scheduler;
      if (!account.isLeaseInDoubt(now) && !account.forgotten && account.budgetDoubtUntil < now) this.judged += 1;
      const { name, endpoint, options } = account;
      const allowed = account.credit + expiries(account, this.scheduler.now);
      // Hosts whose clocks differ disagree about the end of a token, and log in for each other's.
      const isJudged = endpoint.options.kind !== 'login-only' || !this.clockWasSet;
      if (isJudged && endpoint.logins.length > allowed)
        this.#once(`${name}: ${endpoint.logins.length} logins, of which ${allowed} had a cause`);
      if (account.forgotten) this.#recall(account);
      if (options.budget !== undefined && this.scheduler.now > account.budgetDoubtUntil) {
        const most = account.operatorAt > -Infinity ? LOGINS_A_DAY : LOGINS_A_DAY - RESERVE;
        const made = this.loginsOf(account);
        if (made > most) this.#once(`${name}: ${made} logins in a day, of ${most}`);
      }
      if (!account.forgotten) {
        if (endpoint.familiesRevoked > 0) this.#once(`${name}: a family of refresh tokens was revoked`);
        const spends = endpoint.options.kind === 'grace' ? 2 : 1;
        for (const [, token] of endpoint.refreshTokens)
          if (token.spends > spends) this.#once(`${name}: a refresh token was spent ${token.spends} times`);
        const generation = this.#storedGeneration(name);
        if (generation !== undefined) {
          if (generation < (this.#generations.get(name) ?? 0)) this.#once(`${name}: the stored generation went back`);
          this.#generations.set(name, generation);
        }
      }
    }
  }

  /** The doubt ends once the store knows the newest token again, and everybody has had time to hear of it. */
  #recall(account: Account): void {
    const { name, endpoint } = account;
    const newest = this.#generations.get(name) ?? 0;
    if (account.damaged || this.scheduler.now < this.faultAt + LEASE_MS) return;
    const stored = this.#storedGeneration(name) ?? 0;
    const known = this.processes.map(({ manager }) => manager?.statusOf(name)?.generation ?? 0);
    if (stored === 0 || stored < Math.max(newest, ...known)) return;
    account.forgotten = false;
    endpoint.familiesRevoked = 0;
    for (const [secret, token] of endpoint.refreshTokens)
      if (token.state !== 'live') endpoint.refreshTokens.delete(secret);
  }

  #once(what: string): void {
    if (!this.#violations.some((text) => text.endsWith(what))) this.wrong(what);
  }

  async #openStore(process: Process): Promise<TokenStore> {
    const times = {
      monotonic: () => process.host.monotonic(),
      after: process.timers.after,
      random: () => this.random.next(),
    };
    if (this.redis !== undefined) {
      return RedisStore.open(
        {
          place: { kind: 'single', url: 'redis://simulated' },
          username: undefined,
          password: undefined,
          tls: undefined,
          keyPrefix: 'simulated',
          commandTimeout: COMMAND_TIMEOUT_MS,
          waitReplicas: 0,
        },
        { open: this.redis.openerFor(process), times },
      );
    }
    const disk = this.disk!;
    const simulation = new LmdbSimulation(disk, this.scheduler, this.random, process);
    this.#simulations.set(process, simulation);
    const store = EmbeddedStore.over(
      {
        path: 'simulated',
        db: simulation as never,
        inode: () => disk.inode,
        probe: {
          write: async () => {
            if (disk.full) throw new Error('no space left on device');
          },
          requireRoomCheck: () => undefined,
          close: async () => undefined,
        },
      },
      {
        ownerIsGone: (owner) => !this.processes.some(({ name, alive }) => name === owner && alive),
        now: () => process.host.wall(),
        running: () => process.host.bootTime(),
        times,
      },
    );
    return new BroadcastingStore(store, {
      announce: (account) => {
        for (const other of this.processes)
          if (other !== process) this.scheduler.at(2, other, () => this.#listeners.get(other)?.(account));
      },
      listen: (listener) => void this.#listeners.set(process, listener),
    });
  }
}

/** Logins that the passing of time makes necessary, where there is nothing to refresh. */
function expiries({ endpoint }: Account, now: number): number {
  const { kind, lifetime } = endpoint.options;
  return kind === 'login-only' && lifetime !== undefined ? Math.floor(now / (0.7 * lifetime * 1_000)) : 0;
}
