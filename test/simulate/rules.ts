import { TokenwardError } from '../../src/errors.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import type { RenewalKind } from '../../src/tokens/record-marks.ts';
import type { CredentialRecord } from '../../src/tokens/records.ts';
import type { Token } from '../../src/tokens/token.ts';
import { DAY_MS, LOGINS_A_DAY, RENEWALS, RENEWALS_IN_MS, RESERVE, type Account } from './account.ts';
import type { Process } from './process.ts';
import type { Host } from './host.ts';
import type { Scheduler } from './scheduler.ts';
import type { Stored } from './stored.ts';

/** After the last fault, everything works again within so long: the longest pause that a fault can leave behind. ms. */
const QUIET_MS = 320_000;
/** A client whose account is well waits no longer: a lease poll, a call to the endpoint and a few writes. ms. */
const SERVED_WITHIN_MS = 5_000;
/** What the store had forgotten and knows again, everybody has heard of so long after the last fault. ms. */
const RECALL_MS = 5_000;
/** The longest time from the count of a call to its arrival: as long as a lease is sure to last. ms. */
const COUNTED_BEFORE_MS = 31_000;
/** Calls that brought no token: so many in a minute, for each process. The pauses after them are 2 s, 4 s, 8 s. */
const MINUTE_MS = 60_000;
const FAILURES_A_MINUTE = 8;
/**
 * The same for calls of which nothing was sent: a refresh and the login in its place, then a pause of a second, which
 * processes share only as far as their clocks agree.
 */
const UNSENT_A_MINUTE = 120;

/** One request of a client, from the token it asks for to the upstream's response. */
export interface ClientRequest {
  /** How often the vendor had revoked tokens when it began. */
  readonly revocations: number;
  readonly account: Account;
  readonly process: Process;
  readonly began: number;
}

/** What the rules look at. */
export interface Judged {
  readonly scheduler: Scheduler;
  readonly stored: Stored;
  readonly hosts: readonly Host[];
  readonly accounts: readonly Account[];
  /** Accounts of a second deployment, while nothing else has happened to it. */
  readonly otherAccounts: readonly Account[];
  /** All processes that may still do something. */
  readonly running: readonly Process[];
  /** True time of the last fault that concerns everybody. */
  readonly faultAt: number;
  readonly clockWasSet: boolean;
  readonly clockWasADayOff: boolean;
  isRenewing(process: Process, account: Account): boolean;
}

/** What must hold whatever happens. A broken rule is told to `wrong`. */
export class Rules {
  readonly #world: Judged;
  readonly #wrong: (what: string) => void;
  readonly #told = new Set<string>();
  readonly #generations = new Map<string, number>();
  readonly #secrets = new Map<string, string>();
  /** The revision from which on an account's record has a field that a later version wrote. */
  readonly #later = new Map<string, number>();
  /** Steps of accounts, and those at which every rule was on. */
  steps = 0;
  judged = 0;

  constructor(world: Judged, wrong: (what: string) => void) {
    this.#world = world;
    this.#wrong = wrong;
  }

  /** After each event. */
  look(): void {
    for (const account of this.#world.accounts) {
      for (const process of account.doubted)
        if (!(process as Process).leases.has(account.name)) account.doubted.delete(process);
      this.steps += 1;
      if (this.#everyRuleIsOn(account)) this.judged += 1;
      this.#logins(account);
      this.#calls(account);
      if (account.options.budget !== undefined) this.#budget(account);
      if (account.options.renewalBudget !== undefined) this.#renewalBudget(account);
      if (account.forgotten) this.#recall(account);
      else this.#spends(account);
    }
    for (const account of this.#world.otherAccounts) this.#logins(account);
  }

  /** A process that stands still cannot break a rule by what it does not know. */
  #everyRuleIsOn(account: Account): boolean {
    if (account.forgotten) return false;
    for (const process of account.doubted) if (!this.#world.scheduler.isFrozen(process)) return false;
    return true;
  }

  /** A call to the token endpoint begins. */
  callBegins(process: Process, account: Account): void {
    const { name, doubted } = account;
    // It knows that it made no call after its note.
    account.lostNotes.delete(process);
    const others = this.#world.running.filter((other) => other !== process && (other.calls.get(name) ?? 0) > 0);
    if (others.some((other) => !doubted.has(other)) && !doubted.has(process))
      this.#wrong(`${name}: two renewals at once under one lease`);
    if ((process.calls.get(name) ?? 0) > 0) this.#wrong(`${name}: two renewals at once in one process`);
    if (!account.leaseMayGo && !doubted.has(process) && this.#world.stored.leaseHolder(name) !== process.owner)
      this.#wrong(`${name}: a call without the lease`);
  }

  /** What the end of a call makes excusable. `arrived`: the endpoint has seen the login. */
  callEnded(account: Account, kind: RenewalKind, outcome: Outcome, arrived: boolean): void {
    const { now } = this.#world.scheduler;
    if (outcome.kind === 'granted') {
      if (kind === 'login') account.refused = false;
      account.refreshFailures = 0;
      return;
    }
    account.fault(now);
    const unsent = outcome.kind === 'failed' && outcome.reach === 'unsent';
    if (unsent) account.renewals.pop();
    const failures = unsent ? account.unsent : account.failures;
    failures.push(now);
    while (failures[0]! < now - MINUTE_MS) failures.shift();
    // It may be made again, after a pause that the next rule bounds.
    account.allowCall();
    const most = unsent ? UNSENT_A_MINUTE : FAILURES_A_MINUTE;
    if (failures.length > most * this.#world.running.length + account.operations)
      this.#once(`${account.name}: ${failures.length} calls in a minute brought nothing`);
    if (kind === 'login') {
      if (outcome.kind === 'refused') account.refused = true;
      if (unsent) account.attempts.pop();
      if (arrived) account.allowLogin();
      return;
    }
    const spent = outcome.kind === 'failed' && outcome.maybeSpent;
    if (outcome.kind === 'failed' && !spent) account.unspentAt = now;
    if (outcome.kind === 'refused' || spent) account.allowLogin();
    else if (outcome.kind === 'failed' && outcome.reach === 'answered') {
      account.refreshFailures += 1;
      if (account.refreshFailures % 3 === 0) account.allowLogin();
    }
  }

  /** A process of a later version has read a record: what that version has written there is still there. */
  readByLater(account: string, { revision, unknown }: CredentialRecord): void {
    const { emptied, forgotten } = this.#world.accounts.find(({ name }) => name === account)!;
    if (revision === 0 || emptied || forgotten) return;
    // A process that stood still may learn late what it read early.
    if (unknown?.record.later === true)
      this.#later.set(account, Math.min(revision, this.#later.get(account) ?? revision));
    else if (revision >= (this.#later.get(account) ?? Infinity))
      this.#once(`${account}: a field of a later version was dropped`);
  }

  /** A client is given a token. */
  handedOut(process: Process, account: Account, token: Token): void {
    const { name } = account;
    if (!account.held.some(({ generation }) => generation === token.generation)) account.held.push(token);
    if (account.held.length > 6) account.held.shift();
    const state = process.manager!.statusOf(name);
    if (state?.problem === 'the new token could not be stored yet' || account.forgotten || account.damaged) return;
    const key = `${name} ${token.generation}`;
    const known = this.#secrets.get(key);
    if (known !== undefined && known !== token.reveal() && !account.emptied)
      this.#wrong(`${name}: one generation means two tokens`);
    this.#secrets.set(key, token.reveal());
    if ((this.#world.stored.generation(name) ?? 0) < token.generation)
      this.#wrong(`${name}: a token was given out that is not stored`);
  }

  /** A client's request has ended; `problem` is undefined if the upstream accepted it. */
  requestEnded({ account, began, revocations }: ClientRequest, problem: unknown, text: string): void {
    const { now } = this.#world.scheduler;
    if (problem instanceof Error && (!(problem instanceof TokenwardError) || problem.code === 'internal'))
      this.#wrong(`${account.name}: a client was refused with ${text}`);
    // A store that did not reply in time may have counted a login that was not made.
    if (problem instanceof TokenwardError && problem.code === 'store_unavailable') account.mayHaveCounted(now);
    if (account.endpoint.weather !== 'fine') return;
    const lastFault = Math.max(this.#world.faultAt, account.faultAt);
    if (began - lastFault < QUIET_MS || this.#isExcused(account)) return;
    // It met more than one revocation, a token of an import that had ended in the store, or one that a host whose clock
    // is ahead had renewed at once.
    const mayMeetTwo = account.revocations > revocations || account.imported || account.emptied;
    if (typeof problem === 'string' && (mayMeetTwo || this.#world.clockWasSet)) return;
    // A pause ends at a time by the clock of the host that stored it.
    if (this.#world.clockWasSet && text.endsWith('the last renewal failed')) return;
    // Isolation and liveness: nothing concerned this account for long, so its clients notice nothing.
    if (problem !== undefined) this.#wrong(`${account.name}: a request failed though all was well: ${text}`);
    else if (now - began > SERVED_WITHIN_MS && began >= account.lateLeaseUntil)
      this.#wrong(`${account.name}: a request took ${Math.round(now - began)} ms`);
  }

  /** No login or renewal is left by the endpoint's own count, or a person must act. */
  #isExcused(account: Account): boolean {
    if (account.endpoint.password !== account.credentials || account.damaged || account.refused) return true;
    if (account.options.renewalBudget !== undefined) {
      const since = this.#world.clockWasSet ? -Infinity : this.#world.scheduler.now - RENEWALS_IN_MS - 60_000;
      if (account.renewals.filter((at) => at > since).length >= RENEWALS) return true;
    }
    if (account.options.budget === undefined) return false;
    // A login that never arrived counts as well, unless it is certain that it did not; and a clock that was set may
    // make logins count for longer.
    const since = this.#world.clockWasSet ? -Infinity : this.#world.scheduler.now - DAY_MS - 60_000;
    return account.attempts.filter((at) => at > since).length >= LOGINS_A_DAY - RESERVE;
  }

  #logins(account: Account): void {
    const { endpoint, title } = account;
    const isLoginOnly = endpoint.options.kind === 'login-only';
    const allowed = isLoginOnly ? this.#onEachClock(account, account.logins, 0.7) : account.logins;
    if (endpoint.logins.length > allowed)
      this.#once(`${title}: ${endpoint.logins.length} logins, of which ${allowed} had a cause`);
  }

  #calls(account: Account): void {
    const allowed = this.#onEachClock(account, account.calls, 0.7);
    const { arrived } = account.endpoint;
    if (arrived > allowed) this.#once(`${account.name}: ${arrived} calls, of which ${allowed} had a cause`);
  }

  /**
   * Renewals with so many causes, and those that the passing of so much of a life makes necessary. Hosts whose clocks
   * differ disagree about the end of a token: each of them may renew what another one has just renewed.
   */
  #onEachClock({ endpoint }: Account, causes: number, share: number): number {
    const { lifetime } = endpoint.options;
    if (lifetime === undefined) return causes;
    const renewals = causes + Math.floor(this.#world.scheduler.now / (share * lifetime * 1_000));
    return this.#world.clockWasSet ? renewals * (1 + this.#world.hosts.length) : renewals;
  }

  #budget(account: Account): void {
    const since = this.#world.scheduler.now - DAY_MS;
    const made = account.endpoint.logins.filter((at) => at > since).length;
    const most = account.operatorAt > -Infinity ? LOGINS_A_DAY : LOGINS_A_DAY - RESERVE;
    // Each process remembers its own logins only. What no process knows and the store has lost does not count.
    const allowed = most + account.forgottenSince(since);
    // By a clock that is a day ahead, the logins of other processes are old; each process's own count goes by no clock.
    if (made > allowed && !this.#world.clockWasADayOff)
      this.#once(`${account.name}: ${made} logins in a day, of ${allowed}`);
    // What the store has forgotten, the process that made the logins still knows.
    const { logins, loginsBy } = account.endpoint;
    for (const process of this.#world.running) {
      const own = logins.filter((at, i) => at > since && loginsBy[i] === process).length;
      if (own > most) this.#once(`${account.name}: ${own} logins in a day by ${process.name}, of ${most}`);
    }
  }

  #renewalBudget(account: Account): void {
    const since = this.#world.scheduler.now - RENEWALS_IN_MS + COUNTED_BEFORE_MS;
    const made = account.endpoint.arrivals.filter(({ at }) => at > since);
    const allowed = RENEWALS + account.forgottenRenewalsSince(since - COUNTED_BEFORE_MS);
    // Clocks that were set by an hour say that the window has passed; each process's own count goes by no clock.
    if (made.length > allowed && !this.#world.clockWasSet)
      this.#once(`${account.name}: ${made.length} calls in 10 minutes, of ${allowed}`);
    for (const process of this.#world.running) {
      const own = made.filter(({ by }) => by === process).length;
      if (own > RENEWALS) this.#once(`${account.name}: ${own} calls in 10 minutes by ${process.name}, of ${RENEWALS}`);
    }
  }

  #spends({ name, endpoint }: Account): void {
    if (endpoint.familiesRevoked > 0) this.#once(`${name}: a family of refresh tokens was revoked`);
    const spends = endpoint.options.kind === 'grace' ? 2 : 1;
    if (endpoint.mostSpends > spends) this.#once(`${name}: a refresh token was spent ${endpoint.mostSpends} times`);
    const generation = this.#world.stored.generation(name);
    if (generation === undefined) return;
    if (generation < (this.#generations.get(name) ?? 0)) this.#once(`${name}: the stored generation went back`);
    this.#generations.set(name, generation);
  }

  /** The doubt ends once the store knows the newest token again, and everybody has had time to hear of it. */
  #recall(account: Account): void {
    const { name } = account;
    if (account.damaged || this.#world.scheduler.now < this.#world.faultAt + RECALL_MS) return;
    if (this.#world.running.some((process) => this.#world.isRenewing(process, account))) return;
    const stored = this.#world.stored.generation(name) ?? 0;
    const known = this.#world.running.map(({ manager }) => manager?.statusOf(name)?.generation ?? 0);
    if (stored === 0 || stored < Math.max(this.#generations.get(name) ?? 0, ...known)) return;
    account.forgotten = false;
    account.endpoint.forgetSpends();
  }

  #once(what: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#wrong(what);
  }
}
