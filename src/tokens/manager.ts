import { randomBytes } from 'node:crypto';
import { FLIGHT_MS, LEASE_SURE_MS, LEASE_WAIT_MS, QUICK_CALL_MS } from '../deadlines.ts';
import { TokenwardError } from '../errors.ts';
import { AccountCache, sourceOf } from './account-cache.ts';
import { AccountRecords, Overtaken, ownToken } from './account-records.ts';
import type { AccountState } from './account-state.ts';
import { LoginBudgets, type BudgetState } from './budget.ts';
import type { Credential, CredentialSource, Outcome } from './credential.ts';
import { backoff, backoffLeft, DOUBT_PAUSE, givesUpRefresh, isDoubtful, lostLoginWait, maySpendRefresh, NEXT_TRY, quickPause, type Unsettled } from './backoff.ts';
import { isEnding, isInLastPart, lives, nextToken } from './lifetime.ts';
import type { CredentialRecord, RenewalKind } from './records.ts';
import { describe, type CredentialStatus, type RenewalCause } from './status.ts';
import { withDefaults, type ManagerOptions, type Parts } from './options.ts';
import { EARLY, type RenewNowOptions, type Wishes } from './wishes.ts';
import { Leases } from './lease.ts';
import { Recovery } from './recovery.ts';
import { SecretFiles } from './secret-files.ts';
import { StoreAccess } from './store-access.ts';
import { UnsavedGrants } from './unsaved.ts';
import { sleep } from './clock.ts';
import { Token, type Grant } from './token.ts';
import { ending, Work } from './work.ts';

/** How often a lease that somebody else has is asked for. ms. */
const LEASE_POLL = 100;
export type { Checkpoint, ManagerOptions } from './options.ts';
export type { RenewalReport, TokenObserver } from './observer.ts';
export type { RenewNowOptions } from './wishes.ts';

/**
 * The life of every token: get one, renew the one that was refused, never two renewals of one credential at a time,
 * never a token in use that is not safely stored. Knows nothing of HTTP.
 */
export class TokenManager {
  readonly #credentials: CredentialSource;
  readonly #accounts: AccountCache;
  readonly #work: Work;
  readonly #options: Parts;
  readonly #budgets: LoginBudgets;
  readonly #store: StoreAccess;
  readonly #records: AccountRecords;
  readonly #secrets: SecretFiles;
  readonly #leases: Leases;
  readonly #unsaved: UnsavedGrants;
  readonly #recovery: Recovery;

  constructor(credentials: CredentialSource | Iterable<Credential>, options: ManagerOptions) {
    this.#credentials = Symbol.iterator in credentials ? sourceOf(credentials) : credentials;
    const parts = withDefaults(options);
    const accounts = new AccountCache(this.#credentials, parts);
    const work = new Work(accounts);
    const budgets = new LoginBudgets(options.store, options.clock);
    const store = new StoreAccess(parts, work, () => this.#recovery.begin());
    const records = new AccountRecords(parts, store, budgets);
    const unsaved = new UnsavedGrants(parts, work, store);
    this.#options = parts;
    this.#budgets = budgets;
    this.#accounts = accounts;
    this.#work = work;
    this.#store = store;
    this.#records = records;
    this.#unsaved = unsaved;
    this.#secrets = new SecretFiles(parts, records);
    this.#leases = new Leases(parts, work);
    this.#recovery = new Recovery({ parts, accounts, work, store, records, budgets, unsaved });
  }

  /** Reads the stored tokens of the accounts that are named into memory, so that the first requests find them there, and listens for newer ones. Rejects if the store cannot be read. */
  async load(): Promise<void> {
    await this.#store.run('watch', async () => this.#options.store.watch?.((account) => this.#notice(account), () => this.#recovery.begin()));
    for (const account of this.#credentials.named) {
      const state = this.#accounts.of(account);
      // A record that does not open is its own account's trouble; the others are served.
      await this.#records.load(state).catch((error: unknown) => {
        if (state.recordProblem === undefined) throw error;
      });
    }
  }

  /** The account's token, at once if memory has a living one. Rejects with a TokenwardError. */
  get(account: string): Token | Promise<Token> {
    const state = this.#accounts.of(account);
    const { clock } = this.#options;
    const { token } = state;
    if (token !== undefined && token.generation > state.provedDead && lives(token, clock)) {
      if (isEnding(token, clock)) return this.#renewFirst(state, token);
      if (clock.monotonic() >= state.earlyAt) this.#renewEarly(state);
      return token;
    }
    return this.#join(state, token?.generation ?? 0, { cause: { why: token === undefined ? 'first' : 'expired', by: undefined } });
  }

  /**
   * A token for a request that can be sent only once: one that is in the last part of its life is renewed first. A
   * renewal that fails is no reason to hold back a token that lives.
   */
  getLasting(account: string): Token | Promise<Token> {
    const got = this.get(account);
    if (got instanceof Promise || !isInLastPart(got, this.#options.clock)) return got;
    return this.#renewFirst(this.#accounts.of(account), got);
  }

  /**
   * A token newer than the refused one. If there is one already, that is the answer and nobody is called:
   * a hundred late refusals of one token cost one renewal. `by`: whose refusal, in words for a person.
   */
  renew(account: string, refused: Token, by?: string): Token | Promise<Token> {
    const state = this.#accounts.of(account);
    const { token } = state;
    // A newer one may have been refused as well by now, and its successor be on the way.
    if (token !== undefined && token.generation > Math.max(refused.generation, state.provedDead) && lives(token, this.#options.clock)) return token;
    this.#noteRefusal(state, refused);
    if (state.credential.fixed !== undefined) throw new TokenwardError('credential_dead', { detail: `account ${account}: the upstream refused its fixed token` });
    state.proveDead(refused.generation);
    return this.#join(state, state.provedDead, { cause: { why: 'refused', by } });
  }

  /** False for a fixed token: a refusal of it can be noted, not mended. */
  canRenew(account: string): boolean {
    return this.#accounts.of(account).credential.fixed === undefined;
  }

  /** An upstream has refused this token and no renewal is asked for (a fixed token, or one that would be renewed in vain): calls of the account fail. */
  refused(account: string, token: Token): void {
    const state = this.#accounts.of(account);
    // Others are served with it: this is about one call, and the account is well.
    if (state.credential.fixed === undefined && state.acceptedAt > -Infinity) return;
    this.#noteRefusal(state, token);
  }

  /** An upstream's answer does not complain about this token: it works. Called for every such answer, so it costs next to nothing while nothing was refused. */
  accepted(account: string, token: Token): void {
    if (!this.#accounts.isRefused(account)) return;
    const state = this.#accounts.peek(account);
    if (state === undefined || token.generation !== state.token?.generation) return;
    state.accept();
    this.#options.observer.changed(state.credential);
  }

  /** An operator's renewal: forgets that the credential is dead and that we were to wait; may spend the login reserve. */
  async renewNow(account: string, options: RenewNowOptions = {}): Promise<Token> {
    const state = this.#accounts.of(account);
    if (state.credential.fixed !== undefined) throw new TokenwardError('token_unavailable', { detail: `account ${account}: its token is a fixed one; change it in the configuration` });
    if (options.login === true && !state.credential.canLogin) throw new TokenwardError('token_unavailable', { detail: `account ${account}: its flow has no login; bring a new refresh token with: tokenward import ${account}` });
    state.readRecordAnew();
    await this.#secrets.reread(state);
    const record = await this.#records.read(state);
    if (record.dead !== undefined || record.retryAt !== undefined || record.failures > 0 || record.gaveUpAt !== undefined) {
      await this.#records.save(state, { ...record, dead: undefined, doubt: undefined, failures: 0, retryAt: undefined, gaveUpAt: undefined });
    }
    state.revive();
    return this.#join(state, Math.max(record.generation, state.token?.generation ?? 0), { ...options, cause: { why: 'operator', by: undefined } });
  }

  /** Whether nothing newer than this token is known here. */
  isCurrent(account: string, token: Token): boolean {
    return (this.#accounts.of(account).token?.generation ?? 0) <= token.generation;
  }

  has(account: string): boolean {
    return this.#credentials.has(account);
  }

  /** Brings the counts of logins up to date: they fall by themselves as the window rolls, and other processes log in too. */
  async refreshBudgets(): Promise<void> {
    for (const state of this.#accounts.shown()) await this.#records.refreshBudget(state).catch(() => undefined);
  }

  /** How many accounts there are, and how many of them are in memory. */
  get count(): { readonly known: number; readonly inMemory: number } {
    return this.#accounts.count;
  }

  /** What the accounts look like now: the named ones, and of the others those in memory, up to a few hundred, first those in trouble. */
  status(): CredentialStatus[] {
    return this.#accounts.shown().map((state) => this.#statusOf(state));
  }

  /** One account's, if it is in memory. */
  statusOf(account: string): CredentialStatus | undefined {
    const state = this.#accounts.peek(account);
    return state && this.#statusOf(state);
  }

  #statusOf(state: AccountState): CredentialStatus {
    return describe(state, this.#accounts.isNamed(state.credential.account), this.storeUsable, this.#options.clock);
  }

  #noteRefusal(state: AccountState, refused: Token): void {
    if (refused.generation !== state.token?.generation) return;
    state.reject();
    this.#options.observer.changed(state.credential);
  }

  /**
   * Lets the calls under way end (they must not be cut between spending and storing) and begins no other one: no second
   * try, no login after a refresh. So it takes no longer than `RENEWAL_ENDS_MS`.
   */
  async close(): Promise<void> {
    await this.#work.close();
  }

  /** False while the store is out of reach: living tokens go on serving, nothing is renewed. */
  get storeUsable(): boolean {
    return this.#store.isUsable();
  }

  // ---- renewing

  #renewEarly(state: AccountState): void {
    state.putOffEarly();
    if (state.flight.busy || this.#work.isClosing()) return;
    this.#fly(state, state.token?.generation ?? 0, EARLY).catch(() => {
      // The observer has heard of it; the token in use still lives, and the next try is due at `earlyAt`.
    });
  }

  /** Waits for a newer token, but makes do with this one if there is none to be had and it still lives. */
  async #renewFirst(state: AccountState, token: Token): Promise<Token> {
    return this.#join(state, token.generation, EARLY).catch((error: unknown) => {
      if (token.generation <= state.provedDead || !lives(token, this.#options.clock)) throw error;
      return token;
    });
  }

  async #join(state: AccountState, refused: number, wishes: Wishes): Promise<Token> {
    if (state.waiting >= this.#options.maxWaiting) throw new TokenwardError('too_many_waiting', { detail: `account ${state.credential.account}`, retryAfter: 1 });
    state.queue();
    state.hold();
    try {
      for (;;) {
        const token = await this.#fly(state, refused, wishes).catch((error: unknown) => {
          // While the flight got nowhere, another process may have told us of its token.
          const { token: heard } = state;
          if (heard === undefined || heard.generation <= Math.max(refused, state.provedDead) || !lives(heard, this.#options.clock)) throw error;
          return heard;
        });
        // A flight that was under way for an older generation may land on the very token we were refused with.
        if (token.generation > refused) return token;
      }
    } finally {
      state.unqueue();
      this.#accounts.leave(state);
    }
  }

  #fly(state: AccountState, refused: number, wishes: Wishes): Promise<Token> {
    return state.flight.run(
      async () => {
        const work = this.#renew(state, refused, wishes);
        state.takeOff(work);
        this.#work.track(state, work);
        try {
          const token = await work;
          state.land(token);
          return token;
        } catch (error) {
          state.turnBack(work);
          throw error;
        }
      },
      FLIGHT_MS,
      () => new TokenwardError('token_unavailable', { detail: `account ${state.credential.account}: its renewal takes too long`, retryAfter: 5 }),
    );
  }

  /** Lease → re-read → compare → call → store → release. Everything before the lease is only there to save the trip. */
  async #renew(state: AccountState, refused: number, wishes: Wishes): Promise<Token> {
    const { account } = state.credential;
    if (state.unsaved !== undefined) {
      const kept = await this.#unsaved.save(state);
      if (kept.generation > refused) return kept;
    }
    const known = await this.#records.reread(state, refused);
    if (known !== undefined) return known;
    await this.#secrets.lookAgain(state);
    this.#mayCall(state, wishes);

    await state.releasing;
    await this.#recovery.settled;
    this.#options.checkpoint?.('P0 before lease');
    const until = this.#options.clock.monotonic() + LEASE_WAIT_MS;
    while (!(await this.#store.run('lease', () => this.#leases.take(state)))) {
      if (this.#work.isClosing()) throw ending();
      if (this.#options.clock.monotonic() >= until) throw new TokenwardError('token_unavailable', { detail: `account ${account}: another process is renewing it and has not finished`, retryAfter: 1 });
      await sleep(this.#options.timers, LEASE_POLL * (0.5 + this.#options.random()));
      const theirs = await this.#records.reread(state, refused);
      if (theirs !== undefined) return theirs;
    }
    this.#options.checkpoint?.('P1 lease taken');
    const stopProlonging = this.#leases.prolong(state);
    try {
      const record = await this.#records.read(state);
      if (this.#records.isNews(state, record, refused)) return this.#records.adopt(state, record)!;
      this.#records.adopt(state, record);
      this.#mayCall(state, wishes);
      return await this.#obtain(state, await this.#records.reseed(state, record), wishes);
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error;
      // Whoever was faster may have finished by now: his token is as good as ours would have been.
      const theirs = await this.#records.reread(state, refused);
      if (theirs === undefined) throw error;
      return theirs;
    } finally {
      stopProlonging();
      // Unsaved: keep the lease, nobody else may spend what only we know to be spent.
      if (state.unsaved === undefined) this.#leases.release(state);
    }
  }

  /** Throws if the credential is dead, or a failure is too fresh to try again. */
  #mayCall(state: AccountState, { useReserve = false }: Wishes): void {
    const { credential } = state;
    const { clock, observer } = this.#options;
    if (this.#work.isClosing()) throw ending();
    if (state.dead !== undefined) {
      observer.withheld(credential, 'dead');
      throw new TokenwardError('credential_dead', { detail: `account ${credential.account}: ${state.dead}` });
    }
    if (state.calling) throw new TokenwardError('token_unavailable', { detail: `account ${credential.account}: an earlier renewal has not ended yet`, retryAfter: 1 });
    const wait = useReserve ? 0 : backoffLeft(state.retryAt, clock.wall());
    if (wait > 0) {
      observer.withheld(credential, 'cooldown');
      state.holdBack();
      throw new TokenwardError('token_unavailable', { detail: `account ${credential.account}: ${state.problem}`, retryAfter: wait / 1000 });
    }
  }

  /** Holding the lease: refresh if there is something to spend, else (or if that came to nothing) log in. */
  async #obtain(state: AccountState, record: CredentialRecord, wishes: Wishes): Promise<Token> {
    const { credential } = state;
    const { clock } = this.#options;
    const { uncalled } = state;
    // The note of a call that this process never made is taken back: nothing left. What it was written over counts again.
    let current: CredentialRecord = uncalled !== undefined && record.intent?.id === uncalled.id ? { ...record, intent: uncalled.before } : record;
    const token = ownToken(state, record);
    if (wishes.login !== true && token !== undefined && maySpendRefresh(credential, current, token, clock.wall())) {
      const refreshed = await this.#refresh(state, current, token, wishes);
      if (refreshed instanceof Token) return refreshed;
      current = refreshed;
    } else if (!credential.canLogin) {
      return this.#giveUp(state, current, token?.hasRefresh === true ? 'its refresh token has ended, or may have been spent already' : 'it has no refresh token');
    } else if (token?.hasRefresh === true) {
      // It is over, or must be taken for spent: it leaves the record with the login's intent, so that no later failure can bring it back.
      current = { ...current, token: token.withoutRefresh() };
    }
    return this.#login(state, current, wishes);
  }

  /** Spends the refresh token. Gives the new token, or the record from which a login is to be made. Throws if neither is to be. */
  async #refresh(state: AccountState, record: CredentialRecord, token: Token, wishes: Wishes): Promise<Token | CredentialRecord> {
    const { credential } = state;
    const { clock } = this.#options;
    let current = record;
    let looked = false;
    for (let failures = record.failures; ; failures += 1) {
      const before = current.intent;
      const asked = clock.monotonic();
      current = await this.#intend(state, current, 'refresh');
      const outcome = await this.#call(state, 'refresh', wishes.cause, () => credential.refresh(token));
      if (outcome.kind === 'granted') return this.#accept(state, current, outcome.grant, 'refresh', wishes.cause, asked);
      if (outcome.kind === 'impossible') return this.#giveUp(state, current, outcome.reason);
      if (outcome.kind === 'refused') {
        // Perhaps because another holder, thought dead, has spent it. Then his successor is in the store.
        const theirs = await this.#records.read(state);
        if (this.#records.isNews(state, theirs, current.generation)) return this.#records.adopt(state, theirs)!;
        // The client's own secret, or the password for the login that comes next, may have been changed.
        const changed = !looked && (await this.#secrets.reread(state));
        looked = true;
        if (changed && !credential.canLogin && !this.#work.isClosing()) {
          current = { ...theirs, intent: undefined };
          continue;
        }
        if (!credential.canLogin) return this.#giveUp(state, theirs, `the token endpoint refused its refresh token (${outcome.reason})`);
        return { ...theirs, token: token.withoutRefresh() };
      }
      // A refresh that may have been carried out stays an open intent: its token is not spent again but by the ladder.
      // That a repeat did not arrive says nothing of the first one, whose intent is open again.
      const maybeSpent = outcome.kind === 'failed' && outcome.maybeSpent;
      const refreshFailures = current.refreshFailures + (outcome.kind === 'failed' && outcome.reach === 'answered' ? 1 : 0);
      current = { ...current, intent: maybeSpent ? current.intent : before, refreshFailures };
      const spendable = maySpendRefresh(credential, current, token, clock.wall());
      const pause = spendable && !this.#work.isClosing() && !this.#serves(state) && clock.monotonic() - asked < QUICK_CALL_MS ? quickPause(outcome, failures) : undefined;
      if (pause !== undefined) {
        await sleep(this.#options.timers, pause);
        if (!this.#work.isClosing()) continue;
      }
      // As long as the old token serves there is time: logins are rationed.
      if (credential.canLogin && !this.#serves(state)) {
        if (!spendable) return { ...current, token: token.withoutRefresh() };
        // The refresh token stays: should the login fail as well, it is the endpoint that is in trouble, not the token.
        if (!this.#work.isClosing() && givesUpRefresh(current, clock.wall())) return { ...current, gaveUpAt: clock.wall() };
      }
      return this.#fail(state, current, 'refresh', outcome);
    }
  }

  async #login(state: AccountState, record: CredentialRecord, wishes: Wishes): Promise<Token> {
    const { credential } = state;
    const { clock, observer } = this.#options;
    let current = record;
    let looked = false;
    for (let failures = record.failures; ; failures += 1) {
      if (this.#work.isClosing()) return this.#leaveOff(state, current);
      const asked = clock.monotonic();
      const debited = await this.#debit(state, current, wishes.useReserve === true);
      current = debited.record;
      const outcome = await this.#call(state, 'login', wishes.cause, () => credential.login());
      if (outcome.kind === 'granted') return this.#accept(state, current, outcome.grant, 'login', wishes.cause, asked);
      if (outcome.kind === 'refused' && !looked) {
        looked = true;
        if (await this.#secrets.reread(state)) {
          // What was refused is nothing to these: neither its note nor its doubt is theirs.
          current = await this.#records.save(state, { ...current, intent: undefined, doubt: undefined });
          continue;
        }
      }
      if (outcome.kind === 'refused') return this.#refusedLogin(state, current, outcome.reason, wishes.cause.why === 'operator');
      const nothingLeft = outcome.kind === 'impossible' || (outcome.kind === 'failed' && outcome.reach === 'unsent');
      if (nothingLeft && credential.budget !== undefined && debited.at !== undefined) {
        // Nobody has seen this login, so it does not count. A store that cannot say so now keeps one too many, which is safe.
        await this.#budgets.takeBack(credential.budget, debited.at).then((left) => state.countLogins(left), (error: unknown) => observer.storeFailed('debit', error));
      }
      if (outcome.kind === 'impossible') return this.#giveUp(state, current, outcome.reason);
      current = { ...current, intent: undefined };
      const pause = !this.#work.isClosing() && !this.#serves(state) && clock.monotonic() - asked < QUICK_CALL_MS ? quickPause(outcome, failures) : undefined;
      if (pause === undefined) return this.#fail(state, current, 'login', outcome);
      await sleep(this.#options.timers, pause);
    }
  }

  /** The process ends before a login: whoever comes next makes it. What has been learnt of the refresh token is kept for him. Always throws. */
  async #leaveOff(state: AccountState, record: CredentialRecord): Promise<never> {
    await this.#records.save(state, { ...record, identity: state.credential.identity, token: ownToken(state, record) });
    throw ending();
  }

  /** The credentials are wrong, as the endpoint says; unless they worked a little while ago: then it is asked once more before anybody is told to act. */
  async #refusedLogin(state: AccountState, record: CredentialRecord, reason: string, byOperator: boolean): Promise<never> {
    const { credential } = state;
    const { clock } = this.#options;
    const now = clock.wall();
    // An operator who asked is told at once.
    if (byOperator || !isDoubtful(record, credential.credentials, now)) return this.#giveUp(state, record, `the token endpoint refused the login (${reason})`);
    const doubt = record.doubt?.credentials === credential.credentials ? record.doubt : { since: now, credentials: credential.credentials };
    const retryAt = doubt.since + DOUBT_PAUSE;
    state.setBack(`the token endpoint refused the login (${reason}), though it worked within the last hour; it is tried once more before the account is called dead`);
    this.#records.adopt(state, await this.#records.save(state, { ...record, intent: undefined, doubt, failures: record.failures + 1, retryAt }));
    throw new TokenwardError('token_unavailable', { detail: `account ${credential.account}: ${state.problem}`, retryAfter: (retryAt - now) / 1000 });
  }

  /** Only a person can help: tokenward will not call again with these credentials. Always throws. */
  async #giveUp(state: AccountState, record: CredentialRecord, why: string): Promise<never> {
    const { credential } = state;
    const reason = credential.canLogin ? why : `${why}; bring a new one with: tokenward import ${credential.account}`;
    const dead = { reason, since: this.#options.clock.wall(), credentials: credential.credentials };
    this.#records.adopt(state, await this.#records.save(state, { ...record, identity: credential.identity, token: ownToken(state, record), intent: undefined, doubt: undefined, dead }));
    throw new TokenwardError('credential_dead', { detail: `account ${credential.account}: ${reason}` });
  }

  /** Debits the budget and writes the intent; both before the password leaves. `at`: the login that was counted, if there is a budget. */
  async #debit(state: AccountState, record: CredentialRecord, useReserve: boolean): Promise<{ record: CredentialRecord; at: number | undefined }> {
    const { credential } = state;
    const { clock, observer } = this.#options;
    const wait = useReserve ? 0 : lostLoginWait(record.intent, clock.wall());
    if (wait > 0) {
      observer.withheld(credential, 'lost-login');
      state.setBack('several logins in a row were cut off before their answer was stored');
      observer.changed(credential);
      throw new TokenwardError('token_unavailable', { detail: `account ${credential.account}: ${state.problem}`, retryAfter: wait / 1000 });
    }
    let at: number | undefined;
    if (credential.budget !== undefined) {
      const debit = await this.#store.run('debit', () => this.#budgets.debit(credential.budget!, useReserve));
      state.countLogins(debit.state);
      if (!debit.granted) return this.#outOfLogins(state, debit.state);
      at = debit.at;
    }
    return { record: await this.#intend(state, record, 'login'), at };
  }

  #outOfLogins(state: AccountState, { retryAt, limit, reserveRemaining }: BudgetState): never {
    const { credential } = state;
    const { clock, observer } = this.#options;
    observer.withheld(credential, 'budget');
    state.runOut(`its ${limit} automatic logins are used up; ${reserveRemaining === 0 ? 'none is left in reserve either' : `${reserveRemaining} are kept in reserve: tokenward renew ${credential.account} --use-reserve`}`);
    observer.changed(credential);
    throw new TokenwardError('login_budget_exhausted', { detail: `account ${credential.account}: ${state.problem}`, retryAfter: ((retryAt ?? 0) - clock.wall()) / 1000 });
  }

  async #intend(state: AccountState, record: CredentialRecord, kind: RenewalKind): Promise<CredentialRecord> {
    const attempt = record.intent?.kind === kind ? record.intent.attempt + 1 : 1;
    const { clock, checkpoint } = this.#options;
    const id = randomBytes(9).toString('base64url');
    state.intend(id, record.intent);
    const intended = await this.#records.save(state, { ...record, identity: state.credential.identity, token: ownToken(state, record), intent: { kind, startedAt: clock.wall(), attempt, id } });
    checkpoint?.('P2 intent stored');
    // Stopped for so long (SIGSTOP, a paused container) that somebody else may have taken over: they have seen the intent and act on it.
    if (state.calling || clock.monotonic() - state.leasedAt > LEASE_SURE_MS) throw new Overtaken('token_unavailable', { detail: `account ${state.credential.account}: its renewal was interrupted`, retryAfter: 1 });
    return intended;
  }

  async #call(state: AccountState, kind: RenewalKind, cause: RenewalCause, call: () => Promise<Outcome>): Promise<Outcome> {
    const { clock, observer } = this.#options;
    const start = clock.monotonic();
    state.beginCall();
    const outcome = await call().finally(() => state.endCall());
    this.#options.checkpoint?.('P6 answer read');
    if (outcome.kind !== 'granted') {
      observer.renewed(state.credential, { kind, cause, outcome: outcome.kind, reason: outcome.reason, detail: 'detail' in outcome ? outcome.detail : undefined, seconds: (clock.monotonic() - start) / 1000, generation: undefined, expiresAt: undefined, budget: state.budget });
    }
    return outcome;
  }

  /** A grant becomes the next generation: stored first, used after. `asked`: monotonic ms at which the call began. */
  async #accept(state: AccountState, record: CredentialRecord, grant: Grant, kind: RenewalKind, cause: RenewalCause, asked: number): Promise<Token> {
    const { credential } = state;
    const { clock, records, observer } = this.#options;
    const seconds = (clock.monotonic() - asked) / 1000;
    const previous = ownToken(state, record);
    const generation = Math.max(record.generation, state.token?.generation ?? 0) + 1;
    const token = nextToken(generation, grant, previous, clock);
    const next: CredentialRecord = {
      ...record, generation, identity: credential.identity, token, intent: undefined, dead: undefined, failures: 0, retryAt: undefined,
      refreshFailures: 0, doubt: undefined,
      gaveUpAt: kind === 'refresh' ? undefined : record.gaveUpAt, loggedInAt: kind === 'login' ? clock.wall() : record.loggedInAt,
    };
    const report = (): void => observer.renewed(credential, { kind, cause, outcome: 'granted', reason: '', detail: undefined, seconds, generation, expiresAt: token.expiresAt, budget: state.budget });
    let saved: CredentialRecord | undefined;
    let theirs: CredentialRecord | undefined;
    try {
      saved = await this.#store.run('write', () => records.replace(credential.account, next));
      // Somebody took the lease over while we called and was faster.
      if (saved === undefined) theirs = await this.#records.read(state);
    } catch {
      // The old pair may be dead and this is the only copy of the new one: keep it, serve it, write it when the store is back.
      state.keepUnsaved(next);
      report();
      this.#unsaved.keepSaving(state);
      return this.#use(state, token);
    }
    if (theirs !== undefined) {
      // Their token is the stored one; ours is dropped.
      if (this.#records.isNews(state, theirs, record.generation)) return this.#records.adopt(state, theirs)!;
      // Theirs is over already, but its refresh token is newer than ours: to be renewed, not overwritten.
      if (theirs.token !== undefined && theirs.generation > record.generation && theirs.identity === credential.identity) throw new Overtaken('token_unavailable', { detail: `account ${credential.account}: another process has renewed it`, retryAfter: 1 });
      return this.#accept(state, theirs, grant, kind, cause, asked);
    }
    this.#options.checkpoint?.('P7 token stored');
    report();
    return this.#use(state, token);
  }

  #use(state: AccountState, token: Token): Token {
    state.grant(token);
    this.#options.observer.changed(state.credential);
    return token;
  }

  /** Whether the token in use can be given to callers until the next try is due. */
  #serves({ token, provedDead }: AccountState): boolean {
    const { clock } = this.#options;
    return token !== undefined && token.generation > provedDead && lives(token, clock) && token.deadline - clock.monotonic() > NEXT_TRY;
  }

  /** The call failed: whatever worked before is kept, and the next try has to wait. Always throws. */
  async #fail(state: AccountState, record: CredentialRecord, kind: RenewalKind, outcome: Unsettled): Promise<never> {
    const { credential } = state;
    const { clock, random } = this.#options;
    // Probes that were not sent do not lengthen the pause after the first call that is.
    const unsent = outcome.kind === 'failed' && outcome.reach === 'unsent';
    const failures = unsent ? Math.max(1, record.failures) : record.failures + 1;
    const now = clock.wall();
    // After a login made instead of a failing refresh the next try is a refresh again, which costs nothing.
    const next = kind === 'refresh' || record.token?.hasRefresh === true ? 'refresh' : credential.budget === undefined ? 'login' : 'budgeted login';
    const retryAt = now + backoff(outcome, failures, next, random());
    const detail = 'detail' in outcome ? outcome.detail : undefined;
    state.fail(`the ${kind} failed (${outcome.reason}${detail === undefined ? '' : `: ${detail}`})`, failures, retryAt);
    this.#records.adopt(state, await this.#records.save(state, { ...record, failures, retryAt }));
    throw new TokenwardError('token_unavailable', { detail: `account ${credential.account}: ${state.problem}`, retryAfter: (retryAt - clock.wall()) / 1000 });
  }

  // ---- the store

  /** Another process has raised this account's generation. */
  #notice(account: string): void {
    const state = this.#accounts.peek(account);
    if (state === undefined || !state.loaded || this.#work.isClosing()) return;
    this.#records.reread(state, Infinity).catch(() => undefined);
  }

}
