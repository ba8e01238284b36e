import type { AccountStatusName } from '../tokens/status.ts';
import { noStates } from './describe-status.ts';
import { inSlices } from './slices.ts';
import type { AccountStatus, StateCounts } from './status-document.ts';

/** One page of the accounts that match a query. */
export interface AccountPage {
  /** Wall clock, ms. */
  readonly now: number;
  /** From 1. */
  readonly page: number;
  readonly pages: number;
  /** How many match. */
  readonly total: number;
  /** Of all accounts. */
  readonly states: StateCounts;
  readonly accounts: readonly AccountStatus[];
}

/** What accounts to list. */
export interface AccountQuery {
  /** Empty: in any state. */
  readonly states: ReadonlySet<AccountStatusName>;
  /** In the name, in lower case; empty: any name. */
  readonly text: string;
  readonly page: number;
  readonly size: number;
}

/** All accounts and their states. */
export interface KnownStates {
  /** In the order of the configuration. */
  readonly names: Iterable<string>;
  /** Undefined: it is not in memory, and so `unused`. */
  stateOf(name: string): AccountStatusName | undefined;
}

/** The names on one page. */
interface NamePage extends Omit<AccountPage, 'now' | 'accounts'> {
  readonly names: readonly string[];
}

/** Between two walks over all accounts: at least this (ms), and so much more than the last one took. */
const MIN_PAUSE_MS = 100;
const PAUSE_FACTOR = 20;

/** Accounts in trouble are listed first, in this order; all others in the order of the configuration. */
const TROUBLES: readonly AccountStatusName[] = ['dead', 'out_of_logins', 'down', 'degraded'];

interface Index {
  readonly at: number;
  readonly pause: number;
  readonly states: StateCounts;
  /** The accounts in trouble, and the others. */
  readonly lists: readonly (readonly string[])[];
  readonly stateOf: ReadonlyMap<string, AccountStatusName>;
}

/**
 * All accounts by state, for lists and counts. Built when it is asked for, in slices, and no more often than a
 * twentieth of the time allows: there may be a hundred thousand accounts.
 */
export class AccountList {
  readonly #read: () => Promise<KnownStates>;
  #index: Index | undefined;
  #building: Promise<Index> | undefined;

  constructor(read: () => Promise<KnownStates>) {
    this.#read = read;
  }

  async counts(): Promise<StateCounts> {
    return (await this.#current()).states;
  }

  async page({ states, text, page, size }: AccountQuery): Promise<NamePage> {
    const { lists, stateOf, states: counts } = await this.#current();
    const found: string[] = [];
    let total = 0;
    const first = (page - 1) * size;
    const wanted = (name: string): boolean =>
      (states.size === 0 || states.has(stateOf.get(name) ?? 'unused')) &&
      (text === '' || name.toLowerCase().includes(text));
    for (const names of lists)
      await inSlices(names, (name) => {
        if (!wanted(name)) return;
        if (total >= first && found.length < size) found.push(name);
        total += 1;
      });
    return { page, pages: Math.max(1, Math.ceil(total / size)), total, states: counts, names: found };
  }

  /** The last index, unless it is too old. */
  async #current(): Promise<Index> {
    const index = this.#index;
    if (index !== undefined && performance.now() - index.at < index.pause) return index;
    this.#building ??= this.#build().finally(() => (this.#building = undefined));
    return this.#building;
  }

  async #build(): Promise<Index> {
    const begun = performance.now();
    const { names, stateOf: read } = await this.#read();
    const stateOf = new Map<string, AccountStatusName>();
    const counts = noStates();
    const troubled = new Map<AccountStatusName, string[]>(TROUBLES.map((state) => [state, []]));
    const others: string[] = [];
    await inSlices(names, (name) => {
      const state = read(name) ?? 'unused';
      if (state !== 'unused') stateOf.set(name, state);
      counts[state] += 1;
      (troubled.get(state) ?? others).push(name);
    });
    const at = performance.now();
    const pause = Math.max(MIN_PAUSE_MS, PAUSE_FACTOR * (at - begun));
    this.#index = { at, pause, states: counts, lists: [...troubled.values(), others], stateOf };
    return this.#index;
  }

  /** The next question gets a new index: an operator has just acted, and looks whether it helped. */
  forget(): void {
    this.#index = undefined;
  }
}
