import { LRUCache } from 'lru-cache';
import type { Clock } from '../tokens/clock.ts';
import type { RenewalReport } from '../tokens/observer.ts';
import type { AccountHistoryView, AccountStatus, RenewalNote } from '../operator/status-document.ts';
import { cannotServe, type AccountStatusName, type CredentialStatus } from '../tokens/status.ts';

/** Renewals shown of an account. */
const MAX_RENEWALS = 20;
/** Accounts whose renewals are kept, the most recently renewed ones; and those whose trouble is. */
const MAX_ACCOUNTS = 5_000;

/** The last renewals of each account, and since when it is in its present trouble: for the operator. */
export class AccountHistory implements AccountHistoryView {
  // By size: with `max` the cache allocates its arrays for the full number at once.
  readonly #renewals = new LRUCache<string, RenewalNote[]>({ maxSize: MAX_ACCOUNTS, sizeCalculation: () => 1 });
  readonly #troubles = new LRUCache<string, { readonly state: AccountStatusName; readonly since: number }>({
    maxSize: MAX_ACCOUNTS,
    sizeCalculation: () => 1,
  });
  readonly #clock: Clock;
  /** Rises with every change. */
  revision = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  renewed(account: string, { kind, cause, outcome, reason, seconds }: RenewalReport): void {
    const note: RenewalNote = {
      at: this.#clock.wall(),
      cause: cause.why,
      ...(cause.by !== undefined && { by: cause.by }),
      kind,
      outcome,
      ...(reason !== '' && { reason }),
      ms: Math.round(seconds * 1000),
    };
    const before = this.#renewals.get(account) ?? [];
    this.#renewals.set(account, [...before.slice(1 - MAX_RENEWALS), note]);
    this.revision += 1;
  }

  /** The account may be in another state now. */
  changed(status: CredentialStatus): void {
    this.revision += 1;
    this.#sinceOf(status);
  }

  describe(status: CredentialStatus, renewals: boolean): AccountStatus {
    const since = this.#sinceOf(status);
    const last = renewals ? this.#renewals.peek(status.account) : undefined;
    return { ...status, ...(since !== undefined && { since }), ...(last !== undefined && { renewals: last }) };
  }

  #sinceOf({ account, state }: CredentialStatus): number | undefined {
    const known = this.#troubles.peek(account);
    if (!cannotServe(state) && state !== 'degraded') {
      // While a renewal is under way, the trouble is not over.
      if (known !== undefined && state !== 'renewing') this.#troubles.delete(account);
      return undefined;
    }
    if (known?.state === state) return known.since;
    const since = this.#clock.wall();
    this.#troubles.set(account, { state, since });
    return since;
  }
}
