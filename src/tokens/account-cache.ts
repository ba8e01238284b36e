import { LRUCache } from 'lru-cache';
import { TokenwardError } from '../errors.ts';
import { newAccountState, type AccountState, type SharedState } from './account-state.ts';
import type { Credential, CredentialSource } from './credential.ts';
import type { Parts } from './options.ts';

/** Accounts shown one by one. */
const MAX_SHOWN = 500;

/** The accounts in memory: made when asked for, and when there are too many, forgotten; but never twice at once. */
export class AccountCache {
  readonly #credentials: CredentialSource;
  /** The same as in `#credentials.named`. */
  readonly #declared: ReadonlySet<string>;
  readonly #states: LRUCache<string, AccountState>;
  /**
   * Accounts that fell out of memory while somebody waits or works there: a second state beside theirs would renew a
   * second time.
   */
  readonly #pinned = new Map<string, AccountState>();
  readonly #shared: SharedState;

  constructor(credentials: CredentialSource, { clock, timers, random, maxAccounts }: Parts) {
    this.#credentials = credentials;
    this.#declared = new Set(credentials.declared);
    this.#shared = { clock, timers, random, refused: new Set() };
    this.#states = new LRUCache({
      max: maxAccounts ?? 100_000,
      dispose: (state, account, reason) => {
        if (reason === 'evict' && state.references > 0) this.#pinned.set(account, state);
      },
    });
  }

  /** The account's state, made if need be. Throws if there is no such account. */
  of(account: string): AccountState {
    const known = this.#states.get(account) ?? this.#pinned.get(account);
    if (known !== undefined) return known;
    const credential = this.#credentials.get(account);
    if (credential === undefined) throw new TokenwardError('internal', { detail: `no account named ${account}` });
    const state = newAccountState(credential, this.#shared);
    this.#states.set(account, state);
    return state;
  }

  /** The account's state if it is in memory; nobody has asked for it by this. */
  peek(account: string): AccountState | undefined {
    return this.#states.peek(account) ?? this.#pinned.get(account);
  }

  all(): AccountState[] {
    return [...this.#states.values(), ...this.#pinned.values()];
  }

  /** The account's state stays the only one until whoever holds it has left. */
  leave(state: AccountState): void {
    state.removeReference();
    const { account } = state.credential;
    if (state.references === 0 && this.#pinned.delete(account)) this.#states.set(account, state);
  }

  /**
   * Whether an upstream has refused the account's current token, nothing having accepted it since. Costs next to
   * nothing while no account has such a token.
   */
  isRefused(account: string): boolean {
    const { refused } = this.#shared;
    return refused.size > 0 && refused.has(account);
  }

  isDeclared(account: string): boolean {
    return this.#declared.has(account);
  }

  get count(): { readonly known: number; readonly inMemory: number } {
    return { known: this.#credentials.size, inMemory: this.#states.size + this.#pinned.size };
  }

  /** The accounts that are named, and of the others those in memory, up to a few hundred, first those in trouble. */
  shown(): AccountState[] {
    const named = this.#credentials.declared.map((account) => this.of(account));
    const room = Math.max(0, MAX_SHOWN - named.length);
    if (room === 0 || this.count.inMemory <= named.length) return named;
    const others = [...this.#pinned.values(), ...this.#states.values()];
    const unnamed = others.filter(({ credential }) => !this.#declared.has(credential.account));
    return [...named, ...[...new Set([...unnamed.filter(isInTrouble), ...unnamed])].slice(0, room)];
  }
}

function isInTrouble({ problem, pendingWrite, dead, recordProblem, refusedAt }: AccountState): boolean {
  return (problem ?? pendingWrite ?? dead ?? recordProblem ?? refusedAt) !== undefined;
}

/** Credentials that are all there, and all looked after. */
export function sourceOf(credentials: Iterable<Credential>): CredentialSource {
  const all = new Map([...credentials].map((credential) => [credential.account, credential]));
  const get = (account: string): Credential | undefined => all.get(account);
  return { get, has: (account) => all.has(account), size: all.size, declared: [...all.keys()] };
}
