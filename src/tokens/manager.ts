import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { TokenwardError } from '../errors.ts';
import { newAccountState, type AccountState } from './account-state.ts';
import { LoginBudgets, type BudgetState } from './budget.ts';
import { systemTimers, type Clock, type Timers } from './clock.ts';
import type { Credential, CredentialSource, Outcome } from './credential.ts';
import { backoff, backoffLeft, lostLoginWait, maySpendRefresh } from './ladder.ts';
import { earlyAt, lives, nextToken } from './lifetime.ts';
import type { CredentialRecord, Records, RenewalKind, SpendIntent } from './records.ts';
import type { TokenStore } from './store.ts';
import type { CredentialStatus, RenewalCause } from './status.ts';
import type { Grant, Token } from './token.ts';

/** Longer than the slowest login, so that a lease never ends under a working holder; prolonged at a third. ms. */
const LEASE_TTL = 30_000;
/** How long one process waits for another one's renewal. ms. */
const LEASE_WAIT = 20_000;
const LEASE_POLL = 100;
/** By our own clock, less a tenth in case the store's runs faster: older than that, the lease may be somebody else's. ms. */
const LEASE_SURE = 0.9 * LEASE_TTL;
/** Waiting for the lease, a refresh and the login after it, with room to persist. ms. */
const FLIGHT_DEADLINE = LEASE_WAIT + 2 * 15_000 + 10_000;
/** While the store is away: how often somebody looks whether it is back. ms. */
const STORE_LOOK = 1_000;
/** A store that is back is given so long before anything is spent on what it says. ms. */
const STORE_SETTLES = 1_000;
/** A grant that could not be stored is tried again so often; and, when the process is to end, so often and so many times. ms. */
const SAVE_PAUSE_MOST = 2_000;
const SAVE_PAUSE_AT_CLOSE = 500;
const SAVES_AT_CLOSE = 24;
/** An early renewal that failed is tried again no sooner than this, unless the back-off says later. ms. */
const EARLY_PAUSE = 30_000;

/** Accounts shown one by one. */
const SHOWN_MOST = 500;

/** What the manager tells the outside: for metrics, logs and the operator's page. Must not throw. */
export interface TokenObserver {
  /** A call to the token endpoint has ended. */
  renewed(credential: Credential, report: RenewalReport): void;
  /** A renewal that never came to a call: budget, dead credential, store. */
  withheld(credential: Credential, reason: string): void;
  /** The credential's state changed: new token, dead, alive again. */
  changed(credential: Credential): void;
  storeFailed(operation: string, error: unknown): void;
}

/** One call to a token endpoint, told when it has ended. */
export interface RenewalReport {
  readonly kind: RenewalKind;
  readonly cause: RenewalCause;
  readonly outcome: Outcome['kind'];
  /** Empty if granted. */
  readonly reason: string;
  /** See Outcome: for people, nothing secret. */
  readonly detail: string | undefined;
  readonly seconds: number;
  /** Of the token that was granted. Wall-clock ms. */
  readonly generation: number | undefined;
  readonly expiresAt: number | undefined;
  /** After this call; undefined: the account has no login budget. */
  readonly budget: BudgetState | undefined;
}

/** Another process has gone on with the renewal that this one had begun. */
class Overtaken extends TokenwardError {}

/**
 * The moments of a renewal at which a crash matters, for tests that crash there. P3 to P5 lie outside: they are about
 * what the endpoint has seen and answered.
 */
export type Checkpoint = 'P0 before lease' | 'P1 lease taken' | 'P2 intent stored' | 'P6 answer read' | 'P7 token stored' | 'P8 token published' | 'P9 lease released';

/** An operator's wishes for a renewal by hand. */
export interface RenewNowOptions {
  /** May spend the logins kept in reserve. */
  readonly useReserve?: boolean;
  /** Log in, whatever a refresh would come to. */
  readonly login?: boolean;
}

export interface ManagerOptions {
  readonly store: TokenStore;
  readonly records: Records;
  readonly clock: Clock;
  readonly observer: TokenObserver;
  /** Names this process in leases. */
  readonly owner?: string;
  /** Accounts held in memory at once; others are read from the store when asked for. */
  readonly maxAccounts?: number;
  /** Callers who may wait for one account's token. */
  readonly maxWaiting?: number;
  readonly random?: () => number;
  readonly timers?: Timers;
  /** Only tests give one. */
  readonly checkpoint?: (point: Checkpoint) => void;
}

/**
 * The life of every token: get one, renew the one that was refused, never two renewals of one credential at a time,
 * never a token in use that is not safely stored. Knows nothing of HTTP.
 */
export class TokenManager {
  readonly #credentials: CredentialSource;
  /** The same as in `#credentials.named`. */
  readonly #named: ReadonlySet<string>;
  readonly #states: LRUCache<string, AccountState>;
  /** Accounts that fell out of memory while somebody waits or works there: a second state beside theirs would renew a second time. */
  readonly #busy = new Map<string, AccountState>();
  readonly #options: Required<Pick<ManagerOptions, 'maxWaiting' | 'random' | 'owner' | 'timers'>> & ManagerOptions;
  readonly #budgets: LoginBudgets;
  readonly #running = new Set<Promise<unknown>>();
  #closing = false;
  /** The store failed and has not been seen well since. */
  #storeDown = false;
  /** Resolves once a store that came back has had time to hear from everybody. */
  #settled: Promise<void> = Promise.resolve();

  constructor(credentials: CredentialSource | Iterable<Credential>, options: ManagerOptions) {
    this.#credentials = Symbol.iterator in credentials ? sourceOf(credentials) : credentials;
    this.#named = new Set(this.#credentials.named);
    this.#options = { maxWaiting: 2_000, random: Math.random, timers: systemTimers, owner: randomBytes(12).toString('hex'), ...options };
    this.#budgets = new LoginBudgets(options.store, options.clock);
    this.#states = new LRUCache({
      max: options.maxAccounts ?? 100_000,
      dispose: (state, account, reason) => {
        if (reason === 'evict' && state.users > 0) this.#busy.set(account, state);
      },
    });
  }

  /** Reads the stored tokens of the accounts that are named into memory, so that the first requests find them there, and listens for newer ones. Rejects if the store cannot be read. */
  async load(): Promise<void> {
    await this.#stored('watch', async () => this.#options.store.watch?.((account) => this.#notice(account), () => this.#recovered()));
    for (const account of this.#credentials.named) await this.#load(this.#state(account));
  }

  /** The account's token, at once if memory has a living one. Rejects with a TokenwardError. */
  get(account: string): Token | Promise<Token> {
    const state = this.#state(account);
    const { token } = state;
    if (token !== undefined && token.generation > state.provedDead && lives(token, this.#options.clock)) {
      if (this.#options.clock.monotonic() >= state.earlyAt) this.#renewEarly(state);
      return token;
    }
    return this.#join(state, token === undefined ? 0 : token.generation);
  }

  /**
   * A token newer than the refused one. If there is one already, that is the answer and nobody is called:
   * a hundred late refusals of one token cost one renewal.
   */
  renew(account: string, refused: Token, _by?: string): Token | Promise<Token> {
    const state = this.#state(account);
    const { token } = state;
    // A newer one may have been refused as well by now, and its successor be on the way.
    if (token !== undefined && token.generation > Math.max(refused.generation, state.provedDead) && lives(token, this.#options.clock)) return token;
    if (state.credential.fixed !== undefined) throw new TokenwardError('credential_dead', { detail: `account ${account}: the upstream refused its fixed token` });
    state.provedDead = Math.max(state.provedDead, refused.generation);
    return this.#join(state, state.provedDead);
  }

  /** An operator's renewal: forgets that the credential is dead and that we were to wait; may spend the login reserve. */
  async renewNow(account: string, { useReserve = false }: RenewNowOptions = {}): Promise<Token> {
    const state = this.#state(account);
    if (state.credential.fixed !== undefined) throw new TokenwardError('token_unavailable', { detail: `account ${account}: its token is a fixed one; change it in the configuration` });
    const { records } = this.#options;
    const record = await this.#stored('read', () => records.read(account));
    if (record.dead !== undefined || record.retryAt !== undefined || record.failures > 0) await this.#save(state, { ...record, dead: undefined, failures: 0, retryAt: undefined });
    state.retryAt = undefined;
    state.dead = undefined;
    return this.#join(state, Math.max(record.generation, state.token?.generation ?? 0), useReserve);
  }

  /**
   * A token for a request that can be sent only once: one that is in the last part of its life is renewed first. A
   * renewal that fails is no reason to hold back a token that lives.
   */
  getLasting(account: string): Token | Promise<Token> {
    return this.get(account);
  }

  /** False for a fixed token: a refusal of it can be noted, not mended. */
  canRenew(account: string): boolean {
    return this.#state(account).credential.fixed === undefined;
  }

  /** An upstream has refused this token and no renewal is asked for (a fixed token, or one that would be renewed in vain): calls of the account fail. */
  refused(account: string, token: Token): void {
    this.#noteRefusal(this.#state(account), token.generation);
  }

  /** An upstream's answer does not complain about this token: it works. Called for every such answer, so it must cost next to nothing. */
  accepted(account: string, token: Token): void {
    const state = this.#states.peek(account);
    if (state?.refusedAt !== undefined && token.generation === state.token?.generation) state.refusedAt = undefined;
  }

  /** Whether nothing newer than this token is known here. */
  isCurrent(account: string, token: Token): boolean {
    return (this.#state(account).token?.generation ?? 0) <= token.generation;
  }

  has(account: string): boolean {
    return this.#credentials.has(account);
  }

  /** Brings the counts of logins up to date: they fall by themselves as the window rolls, and other processes log in too. */
  async refreshBudgets(): Promise<void> {
    for (const state of this.#shown()) await this.#refreshBudget(state).catch(() => undefined);
  }

  /** How many accounts there are, and how many of them are in memory. */
  get count(): { readonly known: number; readonly inMemory: number } {
    return { known: this.#credentials.size, inMemory: this.#states.size + this.#busy.size };
  }

  /** What the accounts look like now: the named ones, and of the others those in memory, up to a few hundred, first those in trouble. */
  status(): CredentialStatus[] {
    return this.#shown().map((state) => this.#statusOf(state));
  }

  /** One account's, if it is in memory. */
  statusOf(account: string): CredentialStatus | undefined {
    const state = this.#states.peek(account) ?? this.#busy.get(account);
    return state && this.#statusOf(state);
  }

  #statusOf(state: AccountState): CredentialStatus {
    const { token, credential } = state;
    const alive = token !== undefined && lives(token, this.#options.clock);
    // An account nobody has used yet is ready: its first request logs in.
    const ready = state.unsaved === undefined && (alive ? token.generation > state.provedDead || state.problem === undefined : state.problem === undefined && !this.#storeDown);
    return {
      account: credential.account, flow: credential.flow, named: this.#named.has(credential.account), ready, problem: state.problem,
      state: state.dead !== undefined ? 'dead' : !ready ? 'down' : state.problem !== undefined ? 'degraded' : token === undefined ? 'unused' : 'working',
      generation: token?.generation ?? 0, obtainedAt: token?.obtainedAt, expiresAt: token?.expiresAt, refreshExpiresAt: token?.refreshExpiresAt, refusedAt: state.refusedAt,
      dead: state.dead !== undefined, renewing: state.flight.busy, waiting: state.waiting, retryAt: state.retryAt, budget: state.budget,
    };
  }

  #noteRefusal(state: AccountState, generation: number): void {
    if (generation === state.token?.generation) state.refusedAt = this.#options.clock.wall();
  }

  #shown(): AccountState[] {
    const named = this.#credentials.named.map((account) => this.#state(account));
    const room = Math.max(0, SHOWN_MOST - named.length);
    if (room === 0 || this.count.inMemory <= named.length) return named;
    const others = [...this.#busy.values(), ...this.#states.values()].filter(({ credential }) => !this.#named.has(credential.account));
    const troubled = others.filter(({ problem, unsaved }) => problem !== undefined || unsaved !== undefined);
    return [...named, ...[...new Set([...troubled, ...others])].slice(0, room)];
  }

  /** Lets running renewals end (they must not be cut between spending and storing), starts no new ones. */
  async close(): Promise<void> {
    this.#closing = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  /** False while the store is out of reach: living tokens go on serving, nothing is renewed. */
  get storeUsable(): boolean {
    return !this.#storeDown;
  }

  // ---- one account's memory

  #state(account: string): AccountState {
    const known = this.#states.get(account) ?? this.#busy.get(account);
    if (known !== undefined) return known;
    const credential = this.#credentials.get(account);
    if (credential === undefined) throw new TokenwardError('internal', { detail: `no account named ${account}` });
    const state = newAccountState(credential, this.#options.clock, this.#options.timers);
    this.#states.set(account, state);
    return state;
  }

  /** Keeps the account's state, and the process, until the work is over. */
  #track<T>(state: AccountState, work: Promise<T>): void {
    this.#running.add(work);
    state.users += 1;
    const over = (): void => {
      this.#running.delete(work);
      this.#leave(state);
    };
    work.then(over, over);
  }

  #leave(state: AccountState): void {
    state.users -= 1;
    const { account } = state.credential;
    if (state.users === 0 && this.#busy.delete(account)) this.#states.set(account, state);
  }

  async #load(state: AccountState): Promise<void> {
    if (state.loaded) return;
    const record = await this.#stored('read', () => this.#options.records.read(state.credential.account));
    await this.#refreshBudget(state);
    this.#adopt(state, record);
    state.loaded = true;
  }

  /** Takes over what the store says, if it is about the same identity and not older than what we have. */
  #adopt(state: AccountState, record: CredentialRecord): Token | undefined {
    const { credential } = state;
    const dead = record.dead?.credentials === credential.credentials ? record.dead.reason : undefined;
    state.dead = dead;
    if (dead !== undefined) state.problem = dead;
    state.retryAt = record.retryAt;
    const { token } = record;
    if (token !== undefined && record.identity === credential.identity && token.generation > (state.token?.generation ?? 0)) {
      state.token = token;
      state.earlyAt = earlyAt(credential, token, this.#options.random());
      if (dead === undefined) state.problem = undefined;
    }
    this.#options.observer.changed(credential);
    return state.token;
  }

  // ---- renewing

  #renewEarly(state: AccountState): void {
    state.earlyAt = this.#options.clock.monotonic() + EARLY_PAUSE;
    if (state.flight.busy || this.#closing) return;
    this.#fly(state, state.token?.generation ?? 0, false).catch(() => {
      // The observer has heard of it; the token in use still lives, and the next try is due at `earlyAt`.
    });
  }

  async #join(state: AccountState, refused: number, useReserve = false): Promise<Token> {
    if (state.waiting >= this.#options.maxWaiting) throw new TokenwardError('too_many_waiting', { retryAfter: 1 });
    state.waiting += 1;
    state.users += 1;
    try {
      for (;;) {
        const token = await this.#fly(state, refused, useReserve).catch((error: unknown) => {
          // While the flight got nowhere, another process may have told us of its token.
          const { token: heard } = state;
          if (heard === undefined || heard.generation <= Math.max(refused, state.provedDead) || !lives(heard, this.#options.clock)) throw error;
          return heard;
        });
        // A flight that was under way for an older generation may land on the very token we were refused with.
        if (token.generation > refused) return token;
      }
    } finally {
      state.waiting -= 1;
      this.#leave(state);
    }
  }

  #fly(state: AccountState, refused: number, useReserve: boolean): Promise<Token> {
    return state.flight.run(
      async () => {
        const work = this.#renew(state, refused, useReserve);
        state.work = work;
        this.#track(state, work);
        try {
          const token = await work;
          // Unless the very token it landed on has been refused meanwhile: whoever said so flies again at once.
          if (token.generation > state.provedDead) state.provedDead = -1;
          return token;
        } catch (error) {
          // The proof is used up: there is no successor, so the old token may be tried again (it may have been one call's problem). Not for a flight that came in late: the next one has begun.
          if (state.work === work) state.provedDead = -1;
          throw error;
        }
      },
      FLIGHT_DEADLINE,
      () => new TokenwardError('token_unavailable', { detail: `account ${state.credential.account}: its renewal takes too long`, retryAfter: 5 }),
    );
  }

  /** Lease → re-read → compare → call → store → release. Everything before the lease is only there to save the trip. */
  async #renew(state: AccountState, refused: number, useReserve: boolean): Promise<Token> {
    const { credential } = state;
    const { account } = credential;
    const { records } = this.#options;
    if (state.unsaved !== undefined) {
      const kept = await this.#saveUnsaved(state);
      if (kept.generation > refused) return kept;
    }
    const known = await this.#reread(state, refused);
    if (known !== undefined) return known;
    this.#mayCall(state, useReserve);

    await state.releasing;
    await this.#settled;
    this.#options.checkpoint?.('P0 before lease');
    const until = this.#options.clock.monotonic() + LEASE_WAIT;
    while (!(await this.#stored('lease', () => this.#lease(state)))) {
      if (this.#options.clock.monotonic() >= until) throw new TokenwardError('token_unavailable', { detail: `account ${account}: another process is renewing it and has not finished`, retryAfter: 1 });
      await this.#sleep(LEASE_POLL * (0.5 + this.#options.random()));
      const theirs = await this.#reread(state, refused);
      if (theirs !== undefined) return theirs;
    }
    this.#options.checkpoint?.('P1 lease taken');
    const stopProlonging = this.#prolong(state);
    try {
      const record = await this.#stored('read', () => records.read(account));
      if (this.#isNews(state, record, refused)) return this.#adopt(state, record)!;
      this.#adopt(state, record);
      this.#mayCall(state, useReserve);
      return await this.#obtain(state, await this.#reseed(state, record), useReserve);
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error;
      // Whoever was faster may have finished by now: his token is as good as ours would have been.
      const theirs = await this.#reread(state, refused);
      if (theirs === undefined) throw error;
      return theirs;
    } finally {
      stopProlonging();
      // Unsaved: keep the lease, nobody else may spend what only we know to be spent.
      if (state.unsaved === undefined) this.#release(state);
    }
  }

  async #lease(state: AccountState): Promise<boolean> {
    const { store, owner, clock } = this.#options;
    const asked = clock.monotonic();
    const given = await store.acquireLease(state.credential.account, owner, LEASE_TTL);
    state.leasedAt = given ? asked : -Infinity;
    return given;
  }

  /** Keeps the lease alive until told to stop. */
  #prolong(state: AccountState): () => void {
    const { observer, timers } = this.#options;
    let stop!: () => void;
    const again = (): void => {
      stop = timers.after(LEASE_TTL / 3, () => {
        this.#lease(state).catch((error: unknown) => observer.storeFailed('lease', error));
        again();
      });
    };
    again();
    return () => stop();
  }

  /** Gives the lease back behind the waiters' backs: they have their token already. The next renewal waits for it. */
  #release(state: AccountState): void {
    const { store, owner, observer } = this.#options;
    this.#options.checkpoint?.('P8 token published');
    const release = store.releaseLease(state.credential.account, owner)
      .catch((error: unknown) => observer.storeFailed('lease', error))
      .finally(() => {
        this.#options.checkpoint?.('P9 lease released');
        if (state.releasing === release) state.releasing = undefined;
      });
    state.releasing = release;
    this.#track(state, release);
  }

  #isNews(state: AccountState, record: CredentialRecord, refused: number): boolean {
    return record.token !== undefined && record.generation > refused && record.identity === state.credential.identity && lives(record.token, this.#options.clock);
  }

  async #reread(state: AccountState, refused: number): Promise<Token | undefined> {
    const record = await this.#stored('read', () => this.#options.records.read(state.credential.account));
    const news = this.#isNews(state, record, refused);
    const token = this.#adopt(state, record);
    state.loaded = true;
    return news ? token : undefined;
  }

  /** Throws if the credential is dead, or a failure is too fresh to try again. */
  #mayCall(state: AccountState, useReserve: boolean): void {
    const { credential } = state;
    if (this.#closing) throw new TokenwardError('shutting_down', { retryAfter: 1 });
    if (state.dead !== undefined) {
      this.#options.observer.withheld(credential, 'dead');
      throw new TokenwardError('credential_dead', { detail: `account ${credential.account}: ${state.dead}`, retryAfter: 300 });
    }
    if (state.calling) throw new TokenwardError('token_unavailable', { detail: `account ${credential.account}: an earlier renewal has not ended yet`, retryAfter: 1 });
    const wait = useReserve ? 0 : backoffLeft(state.retryAt, this.#options.clock.wall());
    if (wait > 0) {
      this.#options.observer.withheld(credential, 'cooldown');
      throw new TokenwardError('token_unavailable', { detail: `account ${credential.account}: ${state.problem ?? 'the last renewal failed'}`, retryAfter: wait / 1000 });
    }
  }

  /** Holding the lease: refresh if there is something to spend, else (or if that is refused) log in. */
  async #obtain(state: AccountState, record: CredentialRecord, useReserve: boolean): Promise<Token> {
    const { credential } = state;
    let current = record;
    const token = record.identity === credential.identity ? record.token : undefined;
    if (token !== undefined && maySpendRefresh(credential, record, token, this.#options.clock.wall())) {
      current = await this.#intend(state, current, 'refresh');
      const outcome = await this.#call(state, 'refresh', () => credential.refresh(token));
      if (outcome.kind === 'granted') return this.#accept(state, current, outcome.grant);
      if (outcome.kind !== 'refused') return this.#fail(state, current, 'refresh', asFailed(outcome), record.intent);
      // Refused: perhaps because another holder, thought dead, has spent it. Then his successor is in the store.
      const theirs = await this.#stored('read', () => this.#options.records.read(credential.account));
      if (this.#isNews(state, theirs, current.generation)) return this.#adopt(state, theirs)!;
      current = theirs;
    }
    // From here on the refresh token is spent, or must be taken for it: it leaves the record with the login's intent, so that no later failure can bring it back.
    if (token?.hasRefresh === true) current = { ...current, token: token.withoutRefresh() };
    current = await this.#debit(state, current, useReserve);
    const outcome = await this.#call(state, 'login', () => credential.login());
    if (outcome.kind === 'granted') return this.#accept(state, current, outcome.grant);
    if (outcome.kind !== 'refused') return this.#fail(state, current, 'login', asFailed(outcome), undefined);
    const dead = `the upstream refused the login (${outcome.reason})`;
    const saved = await this.#save(state, { ...current, intent: undefined, dead: { reason: dead, since: this.#options.clock.wall(), credentials: credential.credentials } });
    this.#adopt(state, saved);
    throw new TokenwardError('credential_dead', { detail: `account ${credential.account}: ${dead}`, retryAfter: 300 });
  }

  /** Debits the budget and writes the intent; both before the password leaves. */
  async #debit(state: AccountState, record: CredentialRecord, useReserve: boolean): Promise<CredentialRecord> {
    const { credential } = state;
    const { clock, observer } = this.#options;
    const { intent } = record;
    const wait = useReserve ? 0 : lostLoginWait(intent, clock.wall());
    if (wait > 0) {
      observer.withheld(credential, 'lost-login');
      state.problem = 'several logins in a row were cut off before their answer was stored';
      throw new TokenwardError('token_unavailable', { detail: `account ${credential.account}: ${state.problem}`, retryAfter: wait / 1000 });
    }
    if (credential.budget !== undefined) {
      const debit = await this.#stored('debit', () => this.#budgets.debit(credential.budget!, useReserve));
      state.budget = debit.state;
      if (!debit.granted) {
        observer.withheld(credential, 'budget');
        state.problem = 'the login budget is used up';
        observer.changed(credential);
        throw new TokenwardError('login_budget_exhausted', { detail: `account ${credential.account}`, retryAfter: ((debit.state.retryAt ?? 0) - clock.wall()) / 1000 });
      }
    }
    return this.#intend(state, record, 'login');
  }

  async #intend(state: AccountState, record: CredentialRecord, kind: RenewalKind): Promise<CredentialRecord> {
    const attempt = record.intent?.kind === kind ? record.intent.attempt + 1 : 1;
    const { clock, checkpoint } = this.#options;
    const intended = await this.#save(state, { ...record, intent: { kind, startedAt: clock.wall(), attempt } });
    checkpoint?.('P2 intent stored');
    // Stopped for so long (SIGSTOP, a paused container) that somebody else may have taken over: he has seen the intent and acts on it.
    if (state.calling || clock.monotonic() - state.leasedAt > LEASE_SURE) throw new Overtaken('token_unavailable', { detail: `account ${state.credential.account}: its renewal was interrupted`, retryAfter: 1 });
    return intended;
  }

  async #call(state: AccountState, kind: RenewalKind, call: () => Promise<Outcome>): Promise<Outcome> {
    const { clock, observer } = this.#options;
    const start = clock.monotonic();
    state.calling = true;
    const outcome = await call().finally(() => (state.calling = false));
    this.#options.checkpoint?.('P6 answer read');
    observer.renewed(state.credential, { kind, cause: { why: 'expired', by: undefined }, outcome: outcome.kind, reason: outcome.kind === 'granted' ? '' : outcome.reason, detail: outcome.kind === 'failed' ? outcome.detail : undefined, seconds: (clock.monotonic() - start) / 1000, generation: undefined, expiresAt: undefined, budget: state.budget });
    return outcome;
  }

  /** A grant becomes the next generation: stored first, used after. */
  async #accept(state: AccountState, record: CredentialRecord, grant: Grant): Promise<Token> {
    const { credential } = state;
    const { clock, records } = this.#options;
    const previous = record.identity === credential.identity ? record.token : undefined;
    const generation = Math.max(record.generation, state.token?.generation ?? 0) + 1;
    const token = nextToken(generation, grant, previous, clock);
    const next: CredentialRecord = { revision: record.revision, generation, identity: credential.identity, token, intent: undefined, dead: undefined, failures: 0, retryAt: undefined };
    let saved: CredentialRecord | undefined;
    let theirs: CredentialRecord | undefined;
    try {
      saved = await this.#stored('write', () => records.replace(credential.account, next));
      // Somebody took the lease over while we called and was faster.
      if (saved === undefined) theirs = await this.#stored('read', () => records.read(credential.account));
    } catch {
      // The old pair may be dead and this is the only copy of the new one: keep it, serve it, write it when the store is back.
      state.unsaved = next;
      state.problem = 'the new token could not be stored yet';
      this.#keepSaving(state);
      return this.#use(state, token);
    }
    if (theirs !== undefined) {
      // His token is the stored one; ours is dropped.
      if (this.#isNews(state, theirs, record.generation)) return this.#adopt(state, theirs)!;
      // His is over already, but its refresh token is newer than ours: to be renewed, not overwritten.
      if (theirs.token !== undefined && theirs.generation > record.generation && theirs.identity === credential.identity) throw new Overtaken('token_unavailable', { detail: `account ${credential.account}: another process has renewed it`, retryAfter: 1 });
      return this.#accept(state, theirs, grant);
    }
    this.#options.checkpoint?.('P7 token stored');
    state.problem = undefined;
    return this.#use(state, token);
  }

  #use(state: AccountState, token: Token): Token {
    state.token = token;
    state.earlyAt = earlyAt(state.credential, token, this.#options.random());
    state.dead = undefined;
    state.retryAt = undefined;
    this.#options.observer.changed(state.credential);
    return token;
  }

  /** The call failed: whatever worked before is kept, and the next try has to wait. Always throws. */
  async #fail(state: AccountState, record: CredentialRecord, kind: RenewalKind, outcome: Outcome & { kind: 'failed' }, earlier: SpendIntent | undefined): Promise<never> {
    const { credential } = state;
    const { clock, random } = this.#options;
    const failures = record.failures + 1;
    const retryAt = clock.wall() + backoff(failures, outcome.retryAfter, random());
    // A refresh that may have been carried out stays an open intent: its token is not spent again but by the ladder.
    // That a repeat did not arrive says nothing of the first one, whose intent is open again.
    const intent = kind !== 'refresh' ? undefined : outcome.maybeSpent ? record.intent : earlier;
    state.retryAt = retryAt;
    state.problem = `the ${kind} failed (${outcome.reason})`;
    const saved = await this.#save(state, { ...record, intent, failures, retryAt });
    this.#adopt(state, saved);
    throw new TokenwardError('token_endpoint_failed', { detail: `account ${credential.account}: ${state.problem}`, retryAfter: (retryAt - clock.wall()) / 1000 });
  }

  // ---- the store

  /** Another process has raised this account's generation. */
  #notice(account: string): void {
    const state = this.#states.peek(account) ?? this.#busy.get(account);
    if (state === undefined || !state.loaded || this.#closing) return;
    this.#reread(state, Infinity).catch(() => undefined);
  }

  /**
   * A store that knows less than we do has lost something: a flush, or a failover to a replica that was behind. What we
   * hold is newer, so it is written back; otherwise a spent refresh token, or none, would be taken for the current one.
   */
  async #reseed(state: AccountState, record: CredentialRecord): Promise<CredentialRecord> {
    const { token, credential } = state;
    if (token === undefined || credential.fixed !== undefined || record.generation >= token.generation) return record;
    return this.#save(state, { ...record, generation: token.generation, identity: credential.identity, token, intent: undefined });
  }

  /** Waits for the store to come back, then sees to it that it knows what we know. Nothing runs while all is well. */
  #awaitStore(): void {
    if (this.#storeDown) return;
    this.#storeDown = true;
    const { store, timers } = this.#options;
    const look = (): void => {
      if (this.#closing) return;
      store.check().then(
        () => {
          this.#storeDown = false;
          this.#recovered();
        },
        () => void timers.after(STORE_LOOK, look, true));
    };
    timers.after(STORE_LOOK, look, true);
  }

  /**
   * The store is back, and may be another server by now that knows less: what we hold is written back. For a moment
   * nobody is called, because another process may hold what is newer still, and needs the time to write that back.
   */
  #recovered(): void {
    this.#settled = new Promise((resolve) => void this.#options.timers.after(STORE_SETTLES, resolve, true));
    void this.#reconcile();
  }

  async #reconcile(): Promise<void> {
    for (const state of [...this.#states.values(), ...this.#busy.values()]) {
      if (!state.loaded || state.token === undefined || state.credential.fixed !== undefined) continue;
      try {
        if (state.unsaved !== undefined) {
          await this.#saveUnsaved(state);
          continue;
        }
        const record = await this.#stored('read', () => this.#options.records.read(state.credential.account));
        this.#adopt(state, await this.#reseed(state, record));
      } catch {
        // The observer has heard of it; the next renewal looks again.
      }
    }
  }

  /** Compare and set. Rejects with Overtaken if somebody else wrote in between. */
  async #save(state: AccountState, next: CredentialRecord): Promise<CredentialRecord> {
    const saved = await this.#stored('write', () => this.#options.records.replace(state.credential.account, next));
    if (saved === undefined) throw new Overtaken('token_unavailable', { detail: `account ${state.credential.account}: another process is renewing it`, retryAfter: 1 });
    return saved;
  }

  async #stored<T>(operation: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof TokenwardError) throw error;
      this.#options.observer.storeFailed(operation, error);
      this.#awaitStore();
      throw new TokenwardError('store_unavailable', { retryAfter: 2, cause: error });
    }
  }

  #keepSaving(state: AccountState): void {
    const work = (async () => {
      let last = SAVES_AT_CLOSE;
      for (let pause = 200; state.unsaved !== undefined && last > 0; pause = Math.min(SAVE_PAUSE_MOST, pause * 2)) {
        await this.#sleep(this.#closing ? SAVE_PAUSE_AT_CLOSE : pause);
        await this.#saveUnsaved(state).catch(() => undefined);
        if (this.#closing) last -= 1;
      }
    })();
    this.#track(state, work);
  }

  async #saveUnsaved(state: AccountState): Promise<Token> {
    const { unsaved, credential } = state;
    const { records, store, owner } = this.#options;
    if (unsaved === undefined) return state.token!;
    const saved = await this.#stored('write', async () => {
      const ours = await store.acquireLease(credential.account, owner, LEASE_TTL);
      const record = await records.read(credential.account);
      if (record.generation >= unsaved.generation) return record;
      // Somebody has taken over from our intent: what he comes to is newer than what we have. If he has written nothing
      // yet, what we write now keeps him from spending the token that we have spent.
      if (!ours && record.revision !== unsaved.revision) return undefined;
      return records.replace(credential.account, { ...unsaved, revision: record.revision });
    });
    if (saved === undefined) throw new TokenwardError('token_unavailable', { detail: `account ${credential.account}: another process is renewing it`, retryAfter: 1 });
    state.unsaved = undefined;
    state.problem = undefined;
    // While we could not write, somebody else has renewed: what is stored is the token of all, and ours is dropped.
    if (saved.token !== undefined && saved.token.reveal() !== state.token?.reveal() && saved.identity === credential.identity) this.#use(state, saved.token);
    await store.releaseLease(credential.account, owner).catch((error: unknown) => this.#options.observer.storeFailed('lease', error));
    this.#options.observer.changed(credential);
    return state.token!;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.timers.after(ms, resolve));
  }

  async #refreshBudget(state: AccountState): Promise<void> {
    const { budget } = state.credential;
    if (budget !== undefined) state.budget = await this.#stored('read', () => this.#budgets.state(budget));
  }
}

function asFailed(outcome: Exclude<Outcome, { kind: 'granted' | 'refused' }>): Outcome & { kind: 'failed' } {
  if (outcome.kind === 'failed') return outcome;
  return { kind: 'failed', reason: outcome.reason, reach: 'answered', maybeSpent: false, retryAfter: outcome.kind === 'busy' ? outcome.retryAfter : undefined };
}

/** Credentials that are all there, and all looked after. */
function sourceOf(credentials: Iterable<Credential>): CredentialSource {
  const all = new Map([...credentials].map((credential) => [credential.account, credential]));
  return { get: (account) => all.get(account), has: (account) => all.has(account), size: all.size, named: [...all.keys()] };
}
