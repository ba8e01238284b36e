import { TokenwardError } from '../errors.ts';
import { AccountCache, sourceOf } from './account-cache.ts';
import { AccountRecords } from './account-records.ts';
import type { AccountState } from './account-state.ts';
import { LoginBudgets } from './budget.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { Flights } from './flights.ts';
import { Leases } from './lease.ts';
import { isEnding, isInLastPart, isUsable } from './lifetime.ts';
import { withDefaults, type ManagerOptions, type Parts } from './options.ts';
import { Recovery } from './recovery.ts';
import { RenewalCall } from './renewal-call.ts';
import { RenewalFailures } from './renewal-failures.ts';
import { Renewal } from './renewal.ts';
import { SecretFiles } from './secret-files.ts';
import { describe, type CredentialStatus, type RenewalTrigger } from './status.ts';
import { StoreAccess } from './store-access.ts';
import type { Token } from './token.ts';
import { PendingWrites } from './pending-writes.ts';
import { renewalFor, type RenewNowOptions } from './renewal-request.ts';
import { Work } from './work.ts';

export type { RenewalReport, TokenObserver } from './observer.ts';
export type { Checkpoint, ManagerOptions } from './options.ts';
export type { RenewNowOptions } from './renewal-request.ts';

/**
 * The life of every token: obtain one, renew a rejected one, never two renewals of one account at a time, never a token
 * in use before its record is stored or kept for storing. Knows nothing of HTTP.
 */
export class TokenManager {
  #credentials: CredentialSource;
  readonly #parts: Parts;
  readonly #accounts: AccountCache;
  readonly #work: Work;
  readonly #store: StoreAccess;
  readonly #recovery: Recovery;
  readonly #records: AccountRecords;
  readonly #secrets: SecretFiles;
  readonly #flights: Flights;
  #isWatching = false;

  constructor(credentials: CredentialSource | Iterable<Credential>, options: ManagerOptions) {
    this.#credentials = Symbol.iterator in credentials ? sourceOf(credentials) : credentials;
    const parts = withDefaults(options);
    const accounts = new AccountCache(this.#credentials, parts);
    const work = new Work(accounts);
    const store = new StoreAccess(parts, work, () => this.#recovery.begin());
    const budgets = new LoginBudgets(options.store, options.clock);
    const records = new AccountRecords(parts, store, budgets);
    const secrets = new SecretFiles(parts, records);
    const leases = new Leases(parts, work);
    const pendingWrites = new PendingWrites(parts, work, store, leases);
    const recovery = new Recovery({ parts, accounts, work, store, records, budgets, pendingWrites, leases });
    const failures = new RenewalFailures(parts, work, records);
    const call = new RenewalCall({ parts, store, records, budgets, pendingWrites, failures });
    const renewal = new Renewal({
      parts,
      work,
      store,
      records,
      secrets,
      leases,
      pendingWrites,
      recovery,
      failures,
      call,
    });
    this.#parts = parts;
    this.#accounts = accounts;
    this.#work = work;
    this.#store = store;
    this.#recovery = recovery;
    this.#records = records;
    this.#secrets = secrets;
    this.#flights = new Flights(parts, accounts, work, renewal);
  }

  /**
   * Reads the stored tokens of the declared accounts into memory for the first requests, and listens for newer ones.
   * Rejects if the store cannot be read.
   */
  async load(): Promise<void> {
    const { store } = this.#parts;
    const onRecordChanged = (account: string): void => this.#recordChanged(account);
    if (!this.#isWatching)
      await this.#store.run('watch', async () => store.watch?.(onRecordChanged, () => this.#recovery.begin()));
    this.#isWatching = true;
    for (const account of this.#credentials.declared) {
      const state = this.#accounts.of(account);
      // A record that cannot be opened concerns its own account only.
      await this.#records.load(state).catch((error: unknown) => {
        if (state.recordProblem === undefined) throw error;
      });
    }
  }

  /**
   * Other accounts from now on, as after a reload: an account that is still the same keeps its token and everything
   * that is known of it. Returns the states that were released, by account.
   */
  reconfigure(
    credentials: CredentialSource | Iterable<Credential>,
    { maxAccounts, maxWaiting }: Pick<ManagerOptions, 'maxAccounts' | 'maxWaiting'> = {},
  ): ReadonlyMap<string, AccountState> {
    this.#credentials = Symbol.iterator in credentials ? sourceOf(credentials) : credentials;
    if (maxWaiting !== undefined) this.#parts.maxWaiting = maxWaiting;
    const before = new Map(this.#accounts.all().map((state) => [state, state.credential.credentialsFingerprint]));
    const released = this.#accounts.reconfigure(this.#credentials, maxAccounts);
    for (const account of this.#credentials.declared) this.#accounts.of(account);
    for (const state of this.#accounts.all()) {
      if (before.get(state) !== state.credential.credentialsFingerprint) this.#readAnew(state);
    }
    return released;
  }

  /** Reads the record with new settings in the background. If that fails, the next renewal reads it. */
  #readAnew(state: AccountState): void {
    if (state.credential.staticToken !== undefined) return;
    this.#work.track<unknown>(state, state.loaded ? this.#records.reread(state, Infinity) : this.#records.load(state));
  }

  /** The account as it is configured now. */
  credentialOf(account: string): Credential | undefined {
    const state = this.#accounts.peek(account);
    return state === undefined ? this.#credentials.get(account) : state.credential;
  }

  /**
   * The account's token, synchronously if memory has a usable one. Rejects with a TokenwardError. `request`: what it is
   * for, to be named if it begins a renewal.
   */
  get(account: string, request?: RenewalTrigger): Token | Promise<Token> {
    const state = this.#accounts.of(account);
    const { clock } = this.#parts;
    const { token } = state;
    const { idle } = state.credential;
    const isAwake = idle === undefined || state.lastUse.isRecent(clock.wall(), idle);
    if (token !== undefined && isAwake && token.generation > state.rejectedGeneration && isUsable(token, clock)) {
      if (isEnding(token, clock)) return this.#flights.renewFirst(state, token, request);
      if (clock.monotonic() >= state.refreshAt) this.#flights.renewEarly(state, token, request);
      return token;
    }
    const why = token === undefined ? 'first' : 'expired';
    return this.#flights.join(state, token?.generation ?? 0, renewalFor(why, request));
  }

  /**
   * A token for a request that can be sent only once: one in the last part of its life is renewed first. If that
   * renewal fails, the usable token is returned all the same.
   */
  getLasting(account: string, request?: RenewalTrigger): Token | Promise<Token> {
    const token = this.get(account, request);
    if (token instanceof Promise || !isInLastPart(token, this.#parts.clock)) return token;
    return this.#flights.renewFirst(this.#accounts.of(account), token, request);
  }

  /**
   * A token newer than the rejected one. If there is one already, it is returned without a renewal: a hundred late
   * rejections of one token cost one renewal. `by`: what rejected it, in words for a person.
   */
  renew(account: string, rejected: Token, by?: string, request?: RenewalTrigger): Token | Promise<Token> {
    const state = this.#accounts.of(account);
    const { token } = state;
    // A newer one may have been rejected as well by now, and the next one be on the way.
    const newestRejected = Math.max(rejected.generation, state.rejectedGeneration);
    if (token !== undefined && token.generation > newestRejected && isUsable(token, this.#parts.clock)) return token;
    if (state.credential.staticToken !== undefined) {
      this.#noteRejection(state, rejected);
      const detail = `account ${account}: the upstream rejected its fixed token`;
      throw new TokenwardError('credential_dead', { detail });
    }
    state.rejectGeneration(rejected.generation);
    const renewed = this.#flights.join(state, state.rejectedGeneration, renewalFor('refused', request, by));
    // Only now that a renewal is under way: before it, one rejection would be reported as an account that is down.
    this.#noteRejection(state, rejected);
    return renewed;
  }

  /** False for a fixed token: its rejection can only be noted. */
  canRenew(account: string): boolean {
    return this.#accounts.of(account).credential.staticToken === undefined;
  }

  /**
   * An upstream has rejected this token and no renewal is requested (a fixed token, or one whose renewals do
   * not help): requests of the account fail.
   */
  rejected(account: string, token: Token): void {
    const state = this.#accounts.of(account);
    // Other requests are accepted with it: the rejection concerns one request, and the account works.
    if (state.credential.staticToken === undefined && state.acceptedAt > -Infinity) return;
    this.#noteRejection(state, token);
  }

  /** No request can carry this token; `why` is for people. It is so until the next token. */
  unsendable(account: string, token: Token, why: string): void {
    const state = this.#accounts.of(account);
    if (token.generation !== state.token?.generation || state.unsendable === why) return;
    state.tokenUnsendable(why);
    this.#parts.observer.changed(state.credential);
  }

  /**
   * An upstream's response does not reject this token. Called for every such response, so it costs next to nothing
   * while no token was rejected.
   */
  accepted(account: string, token: Token): void {
    if (!this.#accounts.isRejected(account)) return;
    const state = this.#accounts.peek(account);
    if (state === undefined || token.generation !== state.token?.generation) return;
    state.tokenAccepted();
    this.#parts.observer.changed(state.credential);
  }

  /** An operator's renewal: ignores that the account is dead or in a pause; may spend the login reserve. */
  async renewNow(account: string, options: RenewNowOptions = {}): Promise<Token> {
    const state = this.#accounts.of(account);
    if (state.credential.staticToken !== undefined) {
      const detail = `account ${account}: its token is fixed; change it in the configuration`;
      throw new TokenwardError('token_unavailable', { detail });
    }
    if (options.login === true && !state.credential.canLogin) {
      const why = `its flow has no login; import a new refresh token with: tokenward import ${account}`;
      throw new TokenwardError('token_unavailable', { detail: `account ${account}: ${why}` });
    }
    // From now on: a state that was replaced meanwhile would renew beside the one that took its place.
    state.addReference();
    try {
      state.allowRecordRead();
      await this.#secrets.reread(state);
      // A newer token that another process still has to write back would pass for the one that is asked for.
      await this.#recovery.settled;
      const record = await this.#records.read(state);
      const failed = record.failures > 0 || record.gaveUpAt !== undefined;
      if (record.dead !== undefined || record.retryAt !== undefined || failed) {
        const cleared = { dead: undefined, doubt: undefined, failures: 0, retryAt: undefined, gaveUpAt: undefined };
        await this.#records.save(state, { ...record, ...cleared });
      }
      state.allowRenewal();
      const newest = Math.max(record.generation, state.token?.generation ?? 0);
      return await this.#flights.join(state, newest, { ...options, cause: { why: 'operator', by: undefined } });
    } finally {
      this.#accounts.leave(state);
    }
  }

  /** Whether nothing newer than this token is known here. */
  isCurrent(account: string, token: Token): boolean {
    return (this.#accounts.of(account).token?.generation ?? 0) <= token.generation;
  }

  has(account: string): boolean {
    return this.#credentials.has(account);
  }

  /** Updates the counts of logins: they fall as the window rolls, and other processes log in too. */
  async refreshBudgets(): Promise<void> {
    for (const state of this.#accounts.shown()) await this.#records.refreshBudget(state).catch(() => undefined);
  }

  /** How many accounts there are, and how many of them are in memory. */
  get count(): { readonly known: number; readonly inMemory: number } {
    return this.#accounts.count;
  }

  /**
   * The accounts' status: the declared ones, and of the others those in memory, up to a few hundred, troubled ones
   * first.
   */
  status(): CredentialStatus[] {
    return this.#accounts.shown().map((state) => this.#statusOf(state));
  }

  /** One account's status, if it is in memory. */
  statusOf(account: string): CredentialStatus | undefined {
    const state = this.#accounts.peek(account);
    return state && this.#statusOf(state);
  }

  /** The same for any account: one that is not in memory is `unused`. Undefined: there is no such account. */
  statusOfAny(account: string): CredentialStatus | undefined {
    const state = this.#accounts.describable(account);
    return state && this.#statusOf(state);
  }

  /** The names of all accounts, in the order of the configuration. */
  names(): Iterable<string> {
    return this.#credentials.names();
  }

  /** Updates the counts of logins of these accounts, as far as they are in memory. */
  async refreshBudgetsOf(accounts: readonly string[]): Promise<void> {
    for (const account of accounts) {
      const state = this.#accounts.peek(account);
      if (state !== undefined) await this.#records.refreshBudget(state).catch(() => undefined);
    }
  }

  #statusOf(state: AccountState): CredentialStatus {
    return describe(state, this.#accounts.isDeclared(state.credential.account), this.storeUsable, this.#parts.clock);
  }

  #noteRejection(state: AccountState, rejected: Token): void {
    if (rejected.generation !== state.token?.generation) return;
    state.tokenRejected();
    this.#parts.observer.changed(state.credential);
  }

  /**
   * Waits for the calls under way (they must not be cut between spending and storing) and begins no other one: no
   * second try, no login after a refresh. So it takes no longer than `RENEWAL_ENDS_MS`.
   */
  async close(): Promise<void> {
    await this.#work.close();
  }

  /** False while the store cannot be used: tokens in memory still serve, none is renewed. */
  get storeUsable(): boolean {
    return this.#store.isUsable();
  }

  /** Another process has raised this account's generation. */
  #recordChanged(account: string): void {
    const state = this.#accounts.peek(account);
    if (state === undefined || !state.loaded || this.#work.isClosing()) return;
    // The record is of a flow that the account had before, and that the other process still has.
    if (state.credential.staticToken !== undefined) return;
    this.#records.reread(state, Infinity).catch(() => undefined);
  }
}
