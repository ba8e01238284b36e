import { EventEmitter, once } from 'node:events';

/*
 * The ledger: one entry for every request that reached a vendor of the sandbox. Tests judge by what the upstream saw,
 * never by what the proxy says of itself.
 */

/** The vendors that the sandbox imitates. */
export const VENDORS = ['softline', 'chatapp', 'twin'] as const;
export type VendorName = (typeof VENDORS)[number];

/** What a request was for. A path that the vendor does not know counts as `api`. */
export const REQUEST_KINDS = ['login', 'refresh', 'api'] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** How a request ended. */
export type Outcome =
  /** Not decided yet: its body is still arriving, or a setting holds it back. */
  | 'pending'
  /** Accepted and carried out. */
  | 'ok'
  /** An API request refused because of its token, before anything was done. */
  | 'dead-token'
  /** A wrong password or a dead refresh token. */
  | 'refused'
  /** Too many logins. */
  | 'quota'
  /** Refused by validation (400, 422). */
  | 'invalid'
  /** An unknown path. */
  | 'not-found'
  /** Answered by the setting `apiOverride`; nothing was done. */
  | 'override'
  /** A login or refresh spoilt by its mode *before* anything was issued. */
  | 'broken'
  /** A login or refresh that issued a pair, and then cut the connection instead of a response. */
  | 'lost-answer'
  /** A response cut on purpose (helper paths `cut`, `reset`). */
  | 'cut'
  /** The client left before its request body was complete. */
  | 'incomplete'
  /** A fault of the sandbox itself. */
  | 'error';

/** One request as the vendor saw it. The object is live: its later fields are filled in as the request goes on. */
export interface LedgerEntry {
  /** Counts from 1 over all vendors, in order of arrival. */
  readonly seq: number;
  /** Arrival, milliseconds since the epoch (true time, not the vendor's skewed clock). */
  readonly at: number;
  /** When the exchange was over (responded to, cut or abandoned); null while it is open. */
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
  /** Id of the pair whose refresh token was presented. */
  readonly refreshTokenId: string | null;
  /** Id of the pair that was issued, or given out again inside the grace time. */
  readonly issued: string | null;
  /** The value of the header field `x-request-id`. */
  readonly requestId: string | null;
  readonly bodyBytes: number;
  /** SHA-256 of the whole body, hex; null until the body is complete. */
  readonly bodySha256: string | null;
  readonly outcome: Outcome;
  /** More about the outcome: `expired`, `unknown`, `missing`, `spent`, `family-revoked`, … */
  readonly reason: string | null;
  /** The status of the response; null if there was none. */
  readonly status: number | null;
  /** True if the vendor did something that must not happen twice: a payment, a message, any write. */
  readonly applied: boolean;
  /** The client went away before the response was finished. */
  readonly aborted: boolean;
}

/** An entry as the vendors fill it in. */
export type OpenEntry = { -readonly [F in keyof LedgerEntry]: LedgerEntry[F] };

/** What is known of a request when it arrives. */
type Arrival = Pick<
  LedgerEntry,
  'vendor' | 'service' | 'kind' | 'method' | 'target' | 'rawHeaders' | 'tokenId' | 'requestId'
>;

/** Which entries to take; every given field must match. */
export type LedgerFilter = { readonly [F in keyof LedgerEntry]?: LedgerEntry[F] | undefined } & {
  /** Path of the target without the query, exactly. */
  readonly path?: string | undefined;
  /** Only entries with a greater `seq`. */
  readonly since?: number | undefined;
  /** Anything else. */
  readonly where?: ((entry: LedgerEntry) => boolean) | undefined;
};

/** Path of a raw target, without its query. */
export function pathOf(target: string): string {
  return target.split('?', 1)[0]!;
}

/** Bounded record of everything that arrived; the oldest entries are dropped first. */
export class Ledger {
  readonly #limit: number;
  /** The newest, and up to as many more: dropping one entry does not move a hundred thousand. */
  #list: OpenEntry[] = [];
  #seq = 0;
  readonly #open: Record<VendorName, number> = { softline: 0, chatapp: 0, twin: 0 };
  readonly #events = new EventEmitter();

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
    if (this.#isIdle()) this.#events.emit('idle');
  }

  /** The entries that match, oldest first. */
  entries({ path, since = 0, where = () => true, ...fields }: LedgerFilter = {}): LedgerEntry[] {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined) as [keyof LedgerEntry, unknown][];
    return this.#list
      .slice(-this.#limit)
      .filter(
        (entry) =>
          entry.seq > since &&
          given.every(([field, value]) => entry[field] === value) &&
          (path === undefined || pathOf(entry.target) === path) &&
          where(entry),
      );
  }

  /** How many entries match. */
  count(filter?: LedgerFilter): number {
    return this.entries(filter).length;
  }

  /** The newest entry that matches. */
  last(filter?: LedgerFilter): LedgerEntry | undefined {
    return this.entries(filter).at(-1);
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
    if (this.#isIdle()) return;
    await once(this.#events, 'idle', { signal: AbortSignal.timeout(timeoutMs) }).catch(() => {
      throw new Error(`sandbox still has open requests: ${JSON.stringify(this.#open)}`);
    });
  }

  #isIdle(): boolean {
    return Object.values(this.#open).every((count) => count === 0);
  }
}
