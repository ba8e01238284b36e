/**
 * The ledger: one entry for every call that reached a vendor of the sandbox. Tests judge by what the
 * upstream saw, never by what the proxy says of itself.
 */

/** The vendors the sandbox imitates. */
export const VENDORS = ['softline', 'chatapp', 'twin'] as const;
export type VendorName = (typeof VENDORS)[number];

/** What a call was for. A path the vendor does not know counts as `api`. */
export const REQUEST_KINDS = ['login', 'refresh', 'api'] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/**
 * How a call ended.
 *
 * - `pending`: not decided yet (still reading the body, or held back by a setting)
 * - `ok`: accepted and done
 * - `dead-token`: an API call refused because of its token, before anything was done
 * - `refused`: wrong password or dead refresh token
 * - `quota`: too many logins
 * - `invalid`: refused by validation (400, 422)
 * - `not-found`: unknown path
 * - `override`: answered by the `apiOverride` setting, nothing was done
 * - `broken`: a token call spoilt by `loginMode`/`refreshMode` *before* anything was issued
 * - `lost-answer`: a token call that issued a pair and then cut the connection without answering
 * - `cut`: an API answer cut on purpose (`cut`, `reset`)
 * - `incomplete`: the caller left before its request body was complete
 * - `error`: a fault of the sandbox itself
 */
export type Outcome =
  | 'pending'
  | 'ok'
  | 'dead-token'
  | 'refused'
  | 'quota'
  | 'invalid'
  | 'not-found'
  | 'override'
  | 'broken'
  | 'lost-answer'
  | 'cut'
  | 'incomplete'
  | 'error';

/** One call as the vendor saw it. The object is live: its later fields are filled in as the call goes on. */
export interface LedgerEntry {
  /** Counts from 1 over all vendors, in order of arrival. */
  readonly seq: number;
  /** Arrival, milliseconds since the epoch (true time, not the vendor's skewed clock). */
  readonly at: number;
  /** When the exchange was over (answered, cut or abandoned); null while it is open. */
  readonly finishedAt: number | null;
  readonly vendor: VendorName;
  /** Which host of the vendor: `softline`, `chatapp`, or for twin `iam`, `cis`, … */
  readonly service: string;
  readonly kind: RequestKind;
  readonly method: string;
  /** Raw request target: path and query, byte for byte. */
  readonly target: string;
  /** Name, value, name, value…, in order; credentials replaced by `<chatapp#3>` or `<unknown 1a2b3c4d>`. */
  readonly rawHeaders: readonly string[];
  /** Id of the pair whose access token was presented, whichever vendor issued it; null: none, or unknown. */
  readonly tokenId: string | null;
  /** Id of the pair whose refresh token was presented (refresh calls). */
  readonly refreshTokenId: string | null;
  /** Id of the pair this call issued, or handed out again inside the grace time. */
  readonly issued: string | null;
  /** The value of the `x-request-id` request header. */
  readonly requestId: string | null;
  readonly bodyBytes: number;
  /** SHA-256 of the whole body, hex; null until the body is complete. */
  readonly bodySha256: string | null;
  readonly outcome: Outcome;
  /** More about the outcome: `expired`, `unknown`, `missing`, `spent`, `family-revoked`, … */
  readonly reason: string | null;
  /** The status answered; null when nothing was answered. */
  readonly status: number | null;
  /** True when the vendor did something that must not happen twice: a payment, a message, any write. */
  readonly applied: boolean;
  /** The caller went away before the answer was finished. */
  readonly aborted: boolean;
}

/** An entry as the vendors fill it in. */
export type OpenEntry = { -readonly [F in keyof LedgerEntry]: LedgerEntry[F] };

/** What is known of a call when it arrives. */
export type Arrival = Pick<
  LedgerEntry,
  'vendor' | 'service' | 'kind' | 'method' | 'target' | 'rawHeaders' | 'tokenId' | 'requestId'
>;

/** Which entries to take; every given field must match. */
export type LedgerFilter = {
  -readonly [F in Exclude<keyof LedgerEntry, 'rawHeaders'>]?: LedgerEntry[F] | undefined;
} & {
  /** Path of the target without the query, exactly. */
  path?: string | undefined;
  /** Only entries with a greater `seq`. */
  since?: number | undefined;
  /** Anything else. */
  where?: ((entry: LedgerEntry) => boolean) | undefined;
};

/** Path of a raw target, without its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

function matcher({ path, since = 0, where, ...fields }: LedgerFilter): (entry: LedgerEntry) => boolean {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined) as [keyof LedgerEntry, unknown][];
  return (entry) =>
    entry.seq > since &&
    given.every(([field, value]) => entry[field] === value) &&
    (path === undefined || pathOf(entry.target) === path) &&
    (where === undefined || where(entry));
}

/** Bounded record of everything that arrived; the oldest entries are dropped first. */
export class Ledger {
  readonly #limit: number;
  /** The newest, and up to as many more: dropping one entry does not move a hundred thousand. */
  #list: OpenEntry[] = [];
  #seq = 0;
  readonly #open: Record<VendorName, number> = { softline: 0, chatapp: 0, twin: 0 };
  readonly #idleWaiters: (() => void)[] = [];

  constructor(limit = 100_000) {
    this.#limit = limit;
  }

  /** Writes an arrival down; `finish` must be called once for it. */
  begin(arrival: Arrival): OpenEntry {
    this.#seq += 1;
    const entry: OpenEntry = {
      seq: this.#seq,
      at: Date.now(),
      finishedAt: null,
      ...arrival,
      refreshTokenId: null,
      issued: null,
      bodyBytes: 0,
      bodySha256: null,
      outcome: 'pending',
      reason: null,
      status: null,
      applied: false,
      aborted: false,
    };
    this.#list.push(entry);
    if (this.#list.length > 2 * this.#limit) this.#list = this.#list.slice(-this.#limit);
    this.#open[entry.vendor] += 1;
    return entry;
  }

  /** Marks an exchange as over. */
  finish(entry: OpenEntry): void {
    if (entry.finishedAt !== null) return;
    entry.finishedAt = Date.now();
    this.#open[entry.vendor] -= 1;
    if (this.#openTotal() === 0) for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  /** The entries that match, oldest first. */
  entries(filter: LedgerFilter = {}): LedgerEntry[] {
    return this.#list.slice(-this.#limit).filter(matcher(filter));
  }

  /** How many entries match. */
  count(filter: LedgerFilter = {}): number {
    return this.entries(filter).length;
  }

  /** The newest entry that matches. */
  last(filter: LedgerFilter = {}): LedgerEntry | undefined {
    return this.#list.slice(-this.#limit).findLast(matcher(filter));
  }

  /** Forgets all entries. `seq` goes on counting; requests still open stay counted in `open()`. */
  clear(): void {
    this.#list = [];
  }

  /** Requests open at this moment, per vendor. */
  open(): Record<VendorName, number> {
    return { ...this.#open };
  }

  /** Resolves when no request is open; rejects after `timeoutMs`. */
  async idle(timeoutMs = 5_000): Promise<void> {
    if (this.#openTotal() === 0) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`sandbox still has open requests: ${JSON.stringify(this.#open)}`));
      }, timeoutMs);
      this.#idleWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #openTotal(): number {
    return this.#open.softline + this.#open.chatapp + this.#open.twin;
  }
}
