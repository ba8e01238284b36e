import type { Clock } from './clock.ts';
import type { Seal } from './seal.ts';
import { StoreError, type TokenStore } from './store.ts';
import { Token } from './token.ts';

/** The two ways to a new token. */
export type RenewalKind = 'login' | 'refresh';

/** Written durably before a refresh token or a password leaves: if its result is missing later, the token may be spent. */
export interface SpendIntent {
  readonly kind: RenewalKind;
  /** Wall clock, ms. */
  readonly startedAt: number;
  /** How often in a row an intent of this kind got no result. */
  readonly attempt: number;
  /** By which its writer knows it again: one who never made the call takes it back. */
  readonly id?: string | undefined;
}

/** Why tokenward will not log in again by itself. `credentials` is the fingerprint of what was refused: other ones get a new chance. */
export interface DeadMark {
  readonly reason: string;
  readonly since: number;
  readonly credentials: string;
}

/** A login that worked recently was refused once. `since`: wall-clock ms of that refusal. */
export interface Doubt {
  readonly since: number;
  readonly credentials: string;
}

/** Everything durable about one account's credential. */
export interface CredentialRecord {
  readonly revision: number;
  readonly generation: number;
  /** Whom the token speaks for; a record of somebody else is not used. */
  readonly identity: string;
  readonly token: Token | undefined;
  readonly intent: SpendIntent | undefined;
  readonly dead: DeadMark | undefined;
  /** Failed renewals in a row, and the wall-clock ms before which no new one starts. */
  readonly failures: number;
  readonly retryAt: number | undefined;
  /** Refreshes that failed in a row though the endpoint answered. */
  readonly refreshFailures: number;
  /** Wall-clock ms of the last login made because a refresh kept failing. */
  readonly gaveUpAt: number | undefined;
  /** Wall-clock ms of the last login that worked. */
  readonly loggedInAt: number | undefined;
  readonly doubt: Doubt | undefined;
}

export const EMPTY_RECORD: CredentialRecord = {
  revision: 0, generation: 0, identity: '', token: undefined, intent: undefined, dead: undefined, failures: 0, retryAt: undefined,
  refreshFailures: 0, gaveUpAt: undefined, loggedInAt: undefined, doubt: undefined,
};

interface SealedForm {
  identity: string;
  token?: { secret: string; refresh?: string; obtainedAt: number; expiresAt?: number; refreshExpiresAt?: number };
  intent?: SpendIntent;
  dead?: DeadMark;
  failures?: number;
  retryAt?: number;
  refreshFailures?: number;
  gaveUpAt?: number;
  loggedInAt?: number;
  doubt?: Doubt;
}

/** The credential records of a store, unsealed. The only place where a token is turned into bytes. */
export class Records {
  readonly #store: TokenStore;
  readonly #seal: Seal;
  readonly #clock: Clock;

  constructor(store: TokenStore, seal: Seal, clock: Clock) {
    this.#store = store;
    this.#seal = seal;
    this.#clock = clock;
  }

  /** The record, or the empty one if there is none. Rejects with a StoreError on one that cannot be opened. */
  async read(account: string): Promise<CredentialRecord> {
    const stored = await this.#store.read(account);
    if (stored === undefined) return EMPTY_RECORD;
    const text = this.#seal.open(stored.sealed, belongsTo(account, stored.generation));
    let form: SealedForm;
    try {
      form = JSON.parse(text) as SealedForm;
    } catch {
      throw new StoreError('A stored record is damaged. It was left as it is.');
    }
    const { token } = form;
    return {
      revision: stored.revision,
      generation: stored.generation,
      identity: form.identity,
      token: token && new Token(
        {
          generation: stored.generation,
          obtainedAt: token.obtainedAt,
          expiresAt: token.expiresAt,
          refreshExpiresAt: token.refreshExpiresAt,
          // What is left by the wall clock now, from here on measured by the monotonic one as well. Never more than the whole life: the clock may have been set back.
          deadline: token.expiresAt === undefined ? Infinity : this.#clock.monotonic() + token.expiresAt - Math.max(this.#clock.wall(), token.obtainedAt),
        },
        token.secret, token.refresh),
      intent: form.intent,
      dead: form.dead,
      failures: form.failures ?? 0,
      retryAt: form.retryAt,
      refreshFailures: form.refreshFailures ?? 0,
      gaveUpAt: form.gaveUpAt,
      loggedInAt: form.loggedInAt,
      doubt: form.doubt,
    };
  }

  /** Seals a record anew if it is not sealed with the current key. False: it is already, or there is none. Rejects if it cannot be opened. */
  async reseal(account: string): Promise<boolean> {
    for (;;) {
      const stored = await this.#store.read(account);
      if (stored === undefined || this.#seal.isCurrent(stored.sealed)) return false;
      const bound = belongsTo(account, stored.generation);
      const sealed = this.#seal.seal(this.#seal.open(stored.sealed, bound), bound);
      // Lost to a renewal in between: that one was sealed with the running process's key, so look again.
      if (await this.#store.replace(account, stored.revision, { ...stored, revision: stored.revision + 1, sealed })) return true;
    }
  }

  /** Writes `next` over the record it was made from. False: somebody else wrote in between; read again. */
  async replace(account: string, next: CredentialRecord): Promise<CredentialRecord | undefined> {
    const { token } = next;
    const form: SealedForm = {
      identity: next.identity,
      ...(token && {
        token: {
          secret: token.reveal(),
          obtainedAt: token.obtainedAt,
          ...(token.revealRefresh() !== undefined && { refresh: token.revealRefresh()! }),
          ...(token.expiresAt !== undefined && { expiresAt: token.expiresAt }),
          ...(token.refreshExpiresAt !== undefined && { refreshExpiresAt: token.refreshExpiresAt }),
        },
      }),
      ...(next.intent && { intent: next.intent }),
      ...(next.dead && { dead: next.dead }),
      ...(next.failures > 0 && { failures: next.failures }),
      ...(next.retryAt !== undefined && { retryAt: next.retryAt }),
      ...(next.refreshFailures > 0 && { refreshFailures: next.refreshFailures }),
      ...(next.gaveUpAt !== undefined && { gaveUpAt: next.gaveUpAt }),
      ...(next.loggedInAt !== undefined && { loggedInAt: next.loggedInAt }),
      ...(next.doubt && { doubt: next.doubt }),
    };
    const revision = next.revision + 1;
    const sealed = this.#seal.seal(JSON.stringify(form), belongsTo(account, next.generation));
    const written = await this.#store.replace(account, next.revision, { revision, generation: next.generation, sealed });
    return written ? { ...next, revision } : undefined;
  }
}

function belongsTo(account: string, generation: number): string {
  return `tokenward\n${account}\n${generation}`;
}
