import { LRUCache } from 'lru-cache';
import { TokenwardError } from '../errors.ts';
import { newAccountState, type AccountState, type SharedState } from './account-state.ts';
import { isSameAccount, type Credential, type CredentialSource } from './credential.ts';
import type { Parts } from './options.ts';

const DEFAULT_MAX_ACCOUNTS = 100_000;
/** Accounts shown one by one. */
const MAX_SHOWN = 500;

/** The account states in memory: made on demand and evicted when there are too many; never two of one account. */
export class AccountCache {
  #credentials: CredentialSource;
  /** The same as `#credentials.declared`. */
  #declared: ReadonlySet<string>;
  #states: LRUCache<string, AccountState>;
  /**
   * States that were evicted while requests wait or a renewal runs: a second state of the account would renew a second
   * time.
   */
  readonly #pinned = new Map<string, AccountState>();
  /** States of accounts that reloads have removed or replaced, while anything uses them; perhaps several of one. */
  readonly #leaving = new Map<string, Set<AccountState>>();
  readonly #shared: SharedState;

  constructor(
    credentials: CredentialSource,
    { clock, timers, random, maxAccounts }: Pick<Parts, 'clock' | 'timers' | 'random' | 'maxAccounts'>,
  ) {
    this.#credentials = credentials;
    this.#declared = new Set(credentials.declared);
    this.#shared = { clock, timers, random, rejected: new Set(), troubled: new Set() };
    this.#states = this.#newCache(maxAccounts ?? DEFAULT_MAX_ACCOUNTS);
  }

  #newCache(max: number): LRUCache<string, AccountState> {
    return new LRUCache({
      max,
      dispose: (state, account, reason) => {
        if (reason !== 'evict') return;
        if (state.references > 0) this.#pinned.set(account, state);
        // The mark would stay for ever: the account's next state knows nothing of the rejection.
        else {
          this.#shared.rejected.delete(account);
          this.#shared.troubled.delete(state);
        }
      },
    });
  }

  /**
   * Other accounts from now on. An account that is still the same keeps its state, and takes its new settings over
   * between two renewals; one that is removed, or is another login by now, is released once nothing uses it. Returns
   * the states that were released, by account.
   */
  reconfigure(credentials: CredentialSource, maxAccounts = DEFAULT_MAX_ACCOUNTS): ReadonlyMap<string, AccountState> {
    const released = new Map<string, AccountState>();
    // In the order of their use, the oldest first.
    const cached = [...this.#states.values()].reverse();
    const pinned = [...this.#pinned.values()];
    this.#credentials = credentials;
    this.#declared = new Set(credentials.declared);
    this.#pinned.clear();
    this.#states = this.#newCache(maxAccounts);
    for (const state of [...pinned, ...cached]) {
      const { account } = state.credential;
      const next = credentials.get(account);
      if (next !== undefined && isSameAccount(state.credential, next)) {
        state.reconfigure(next);
        this.#states.set(account, state);
        continue;
      }
      released.set(account, state);
      state.replaced();
      if (state.references > 0) this.#leaving.set(account, (this.#leaving.get(account) ?? new Set()).add(state));
    }
    return released;
  }

  /** The account's state, made if there is none. Throws if there is no such account. */
  of(account: string): AccountState {
    const known = this.#states.get(account) ?? this.#pinned.get(account);
    if (known !== undefined) return known;
    const credential = this.#credentials.get(account);
    if (credential === undefined) throw new TokenwardError('internal', { detail: `no account named ${account}` });
    const state = newAccountState(credential, this.#shared);
    const leaving = this.#leaving.get(account);
    if (leaving !== undefined) state.waitFor(leaving);
    this.#states.set(account, state);
    return state;
  }

  /** The account's state if it is in memory. Does not count as a use. */
  peek(account: string): AccountState | undefined {
    return this.#states.peek(account) ?? this.#pinned.get(account);
  }

  all(): AccountState[] {
    return [...this.#states.values(), ...this.#pinned.values()];
  }

  /** Ends one use of the state. An evicted state goes back into the cache after its last use. */
  leave(state: AccountState): void {
    state.removeReference();
    if (state.references > 0) return;
    const { account } = state.credential;
    const leaving = this.#leaving.get(account);
    leaving?.delete(state);
    if (leaving?.size === 0) this.#leaving.delete(account);
    if (this.#pinned.get(account) !== state) return;
    this.#pinned.delete(account);
    this.#states.set(account, state);
  }

  /**
   * Whether an upstream has rejected the account's current token and none has accepted it since. Costs next to nothing
   * while no account has such a token.
   */
  isRejected(account: string): boolean {
    const { rejected } = this.#shared;
    return rejected.size > 0 && rejected.has(account);
  }

  isDeclared(account: string): boolean {
    return this.#declared.has(account);
  }

  get count(): { readonly known: number; readonly inMemory: number } {
    return { known: this.#credentials.size, inMemory: this.#states.size + this.#pinned.size };
  }

  /** The declared accounts, and of the others those in memory, up to a few hundred, troubled ones first. */
  shown(): AccountState[] {
    const declared = this.#credentials.declared.map((account) => this.of(account));
    const room = Math.max(0, MAX_SHOWN - declared.length);
    if (room === 0 || this.count.inMemory <= declared.length) return declared;
    const others = new Set<AccountState>();
    // Never a walk over all: there may be a hundred thousand.
    for (const states of [this.#shared.troubled, this.#pinned.values(), this.#states.values()])
      for (const state of states) {
        if (others.size === room) return [...declared, ...others];
        if (!this.#declared.has(state.credential.account)) others.add(state);
      }
    return [...declared, ...others];
  }

  /** The same for an account that is not in memory: its state if it were, which stays outside. */
  describable(account: string): AccountState | undefined {
    const known = this.peek(account);
    if (known !== undefined) return known;
    const credential = this.#credentials.get(account);
    return credential && newAccountState(credential, this.#shared);
  }
}

/** A source in which all credentials exist already, and all are declared. */
export function sourceOf(credentials: Iterable<Credential>): CredentialSource {
  const all = new Map([...credentials].map((credential) => [credential.account, credential]));
  const get = (account: string): Credential | undefined => all.get(account);
  return {
    get,
    has: (account) => all.has(account),
    size: all.size,
    names: () => all.keys(),
    declared: [...all.keys()],
  };
}
