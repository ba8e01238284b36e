import { createHash } from 'node:crypto';
import type { Clock } from './clock.ts';
import { FormError, parseForm, writeForm, type UnknownFields } from './record-form.ts';
import type { DeadMark, Doubt, SpendNote } from './record-marks.ts';
import { SealError, type Seal } from './seal.ts';
import { keyBeside, nameOfRecord, RecordError, type StoredRecord, type TokenStore } from './store.ts';
import { Token, type NamedValues } from './token.ts';

/** Everything durable about one account's credential. */
export interface CredentialRecord {
  readonly revision: number;
  readonly generation: number;
  /** Whom the token is for; a record of another identity is not used. */
  readonly identity: string;
  readonly token: Token | undefined;
  readonly intent: SpendNote | undefined;
  readonly dead: DeadMark | undefined;
  /** Failed renewals in a row, and the wall-clock ms before which no new one starts. */
  readonly failures: number;
  readonly retryAt: number | undefined;
  /** Refreshes that failed in a row though the endpoint responded. */
  readonly refreshFailures: number;
  /** Wall-clock ms of the last login made because a refresh kept failing. */
  readonly gaveUpAt: number | undefined;
  /** Wall-clock ms of the last login that worked. */
  readonly loggedInAt: number | undefined;
  readonly doubt: Doubt | undefined;
  /** The store key it was read from and is written back to. */
  readonly key?: string;
  /** The store holds a record of another identity under the account's own name; this one is beside it. */
  readonly foreign?: boolean;
  /** Fields that a newer version has written. */
  readonly unknown?: UnknownFields;
}

/** What a record of the whole installation holds, unsealed, and its number. */
export interface SharedText {
  readonly generation: number;
  readonly text: string;
}

export interface SharedRecord extends SharedText {
  readonly revision: number;
}

export const EMPTY_RECORD: CredentialRecord = {
  revision: 0,
  generation: 0,
  identity: '',
  token: undefined,
  intent: undefined,
  dead: undefined,
  failures: 0,
  retryAt: undefined,
  refreshFailures: 0,
  gaveUpAt: undefined,
  loggedInAt: undefined,
  doubt: undefined,
};

/**
 * The records of a store, unsealed. The only place where a token is turned into bytes. What is wrong with
 * one record is a RecordError that names its account; any other StoreError is about the store.
 */
export class Records {
  readonly #store: TokenStore;
  readonly #seal: Seal;
  readonly #clock: Clock;
  /** Accounts whose record is not under their own name, with its key. */
  readonly #beside = new Map<string, string>();

  constructor(store: TokenStore, seal: Seal, clock: Clock) {
    this.#store = store;
    this.#seal = seal;
    this.#clock = clock;
  }

  /**
   * The record, or the empty one if there is none. Two deployments may share a store by mistake, or an account may have
   * changed its identity: the first one has the account's own key. With `identity`, a record of another identity is
   * left alone, and the one of this identity is beside it (`foreign` says so).
   */
  async read(account: string, identity?: string): Promise<CredentialRecord> {
    if (identity === undefined) return this.#open(account);
    const beside = keyBeside(account, createHash('sha256').update(identity).digest('hex').slice(0, 8));
    let own: CredentialRecord;
    try {
      own = await this.#open(account);
    } catch (error) {
      // A record that cannot be opened may be of another identity.
      if (!(error instanceof RecordError)) throw error;
      const ours = await this.#open(beside);
      if (ours.revision === 0) throw error;
      return this.#choose(account, { ...ours, foreign: true });
    }
    // A record without an identity was written before the first token.
    if (own.revision > 0 && (own.identity === identity || own.identity === '')) return this.#choose(account, own);
    const ours = await this.#open(beside);
    if (ours.revision === 0 && own.revision === 0) return this.#choose(account, own);
    return this.#choose(account, { ...ours, foreign: own.revision > 0 });
  }

  /** Whether the record is sealed with the current key, or there is none. */
  async isCurrent(key: string): Promise<boolean> {
    const stored = await this.#store.read(key);
    return stored === undefined || this.#seal.isCurrent(stored.sealed);
  }

  /**
   * Seals a record again if it is not sealed with the current key. False: it is already, or there is none. Rejects if
   * it cannot be opened.
   */
  async reseal(key: string): Promise<boolean> {
    for (;;) {
      const stored = await this.#store.read(key);
      if (stored === undefined || this.#seal.isCurrent(stored.sealed)) return false;
      const sealed = this.#seal.seal(this.#unseal(key, stored), belongsTo(key, stored.generation));
      // A renewal wrote in between, sealed with the running process's key: read again.
      if (await this.#store.replace(key, stored.revision, { ...stored, revision: stored.revision + 1, sealed }))
        return true;
    }
  }

  /** Writes `next` over the record it was made from. Undefined: another process wrote in between; read again. */
  async replace(account: string, next: CredentialRecord): Promise<CredentialRecord | undefined> {
    const key = next.key ?? this.#beside.get(account) ?? account;
    const { token } = next;
    const text = writeForm(
      {
        ...next,
        token: token && {
          secret: token.reveal(),
          refresh: token.revealRefresh(),
          obtainedAt: token.obtainedAt,
          expiresAt: token.expiresAt,
          refreshExpiresAt: token.refreshExpiresAt,
          values: valuesToStore(token),
        },
      },
      next.generation,
      next.unknown,
    );
    const revision = next.revision + 1;
    const sealed = this.#seal.seal(text, belongsTo(key, next.generation));
    const written = await this.#store.replace(key, next.revision, { revision, generation: next.generation, sealed });
    return written ? { ...next, key, revision } : undefined;
  }

  /**
   * Takes over the record under the account's former name, if the account has none of its own and the identity is the
   * same. Undefined: there is nothing to take over. The former record stays, without its refresh token: a process that
   * still uses the old name logs in rather than spend it a second time.
   */
  async adoptFormer(account: string, former: string, identity: string): Promise<CredentialRecord | undefined> {
    const own = await this.read(account, identity);
    if (own.revision > 0) return undefined;
    const old = await this.read(former, identity);
    if (old.identity !== identity) return undefined;
    const adopted = await this.replace(account, {
      ...old,
      revision: own.revision,
      key: own.key!,
      foreign: own.foreign ?? false,
    });
    if (adopted === undefined) return this.read(account, identity);
    // If a process that uses the old name writes first, the two have a token each, as before.
    if (old.token?.hasRefresh === true) await this.replace(former, { ...old, token: old.token.withoutRefresh() });
    return adopted;
  }

  /**
   * A record of the whole installation. Undefined: there is none. Rejects with a RecordError if it cannot be opened.
   */
  async readShared(key: string): Promise<SharedRecord | undefined> {
    const stored = await this.#store.read(key);
    if (stored === undefined) return undefined;
    return { revision: stored.revision, generation: stored.generation, text: this.#unseal(key, stored) };
  }

  /** Writes `text` over the revision `expected` (0 = no record yet). False: another process wrote in between. */
  async replaceShared(key: string, expected: number, { generation, text }: SharedText): Promise<boolean> {
    const sealed = this.#seal.seal(text, belongsTo(key, generation));
    return this.#store.replace(key, expected, { revision: expected + 1, generation, sealed });
  }

  #choose(account: string, record: CredentialRecord): CredentialRecord {
    const key = record.key ?? account;
    if (key === account) this.#beside.delete(account);
    else this.#beside.set(account, key);
    return record;
  }

  async #open(key: string): Promise<CredentialRecord> {
    const stored = await this.#store.read(key);
    if (stored === undefined) return { ...EMPTY_RECORD, key };
    const { revision, generation } = stored;
    const { fields, unknown } = this.#namingRecord(key, () => parseForm(this.#unseal(key, stored)));
    const { token } = fields;
    return {
      ...fields,
      revision,
      generation,
      key,
      ...((Object.keys(unknown.record).length > 0 || Object.keys(unknown.token).length > 0) && {
        unknown: { ...unknown, generation },
      }),
      token:
        token &&
        new Token(
          {
            generation,
            obtainedAt: token.obtainedAt,
            expiresAt: token.expiresAt,
            refreshExpiresAt: token.refreshExpiresAt,
            // The remaining life by the wall clock, from here on measured by the monotonic one. Never more than the
            // whole life: the clock may have been set back.
            deadline:
              token.expiresAt === undefined
                ? Infinity
                : this.#clock.monotonic() + token.expiresAt - Math.max(this.#clock.wall(), token.obtainedAt),
          },
          token.secret,
          token.refresh,
          token.values,
        ),
    };
  }

  #unseal(key: string, { sealed, generation }: StoredRecord): string {
    return this.#namingRecord(key, () => this.#seal.open(sealed, belongsTo(key, generation)));
  }

  /** Names the record in an error about its content. */
  #namingRecord<T>(key: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SealError) && !(error instanceof FormError)) throw error;
      throw new RecordError(
        `${nameOfRecord(key)} (${this.#store.keyOf?.('record', key) ?? key} in the ` +
          `store) ${error.message}. It was left unchanged.`,
      );
    }
  }
}

function valuesToStore(token: Token): NamedValues | undefined {
  const values = token.revealValues();
  return Object.keys(values).length === 0 ? undefined : values;
}

function belongsTo(key: string, generation: number): string {
  return `tokenward\n${key}\n${generation}`;
}
