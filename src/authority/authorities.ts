import type { Clock } from '../tokens/clock.ts';
import type { Records } from '../tokens/records.ts';
import { Authority, CLOCK_SLACK_MS } from './authority.ts';
import { AuthorityError } from './authority-error.ts';
import { hostName } from './host-name.ts';
import { authorityRecord, readAuthority, writeAuthority, type AuthorityRecord } from './record.ts';

const DAY_MS = 86_400_000;

/** How long a new authority is valid unless told otherwise, in days. */
export const DEFAULT_DAYS = 365;

/** What a new authority is to be. */
export interface AuthorityPlan {
  /** The hosts it may sign for. */
  readonly hosts: readonly string[];
  /** How long it is valid. */
  readonly days?: number;
}

/** An authority that no store keeps: it ends with this process. Valid for a day. */
export async function temporaryAuthority(hosts: readonly string[], clock: Clock): Promise<Authority> {
  const { makeAuthority } = await import('./sign.ts');
  const names = [...new Set(hosts.map(hostName))].sort();
  const now = clock.wall();
  const made = await makeAuthority(names, { notBefore: now - CLOCK_SLACK_MS, notAfter: now + DAY_MS });
  return new Authority(authorityRecord(0, 1, { hosts: names, ...made }), { clock });
}

/** The authority in a store, shared by all its processes: one makes it, the others read it. */
export class Authorities {
  readonly #records: Records;
  readonly #clock: Clock;

  constructor(records: Records, clock: Clock) {
    this.#records = records;
    this.#clock = clock;
  }

  /** Undefined: there is none. Rejects with a StoreError. */
  async read(): Promise<Authority | undefined> {
    const record = await readAuthority(this.#records);
    return record && this.#open(record);
  }

  /** The stored authority if it is a later one; a renewal by another process is noticed so. */
  async newer(than: Authority): Promise<Authority | undefined> {
    const stored = await this.read();
    return stored !== undefined && stored.generation > than.generation ? stored : undefined;
  }

  /**
   * The stored authority, or a new one if there is none. Of several processes that make one at once, one wins, and all
   * get the winner's. `made`: by this call.
   */
  async make(plan: AuthorityPlan): Promise<{ authority: Authority; made: boolean }> {
    for (;;) {
      const stored = await this.read();
      if (stored !== undefined) return { authority: stored, made: false };
      const authority = await this.#write(undefined, plan);
      if (authority !== undefined) return { authority, made: true };
    }
  }

  /** A new authority in place of the stored one. Who trusts the former only must get the new certificate. */
  async renew(plan: AuthorityPlan): Promise<Authority> {
    for (;;) {
      const authority = await this.#write(await readAuthority(this.#records), plan);
      if (authority !== undefined) return authority;
    }
  }

  /** Undefined: another process has written one in between. */
  async #write(former: AuthorityRecord | undefined, plan: AuthorityPlan): Promise<Authority | undefined> {
    const hosts = [...new Set(plan.hosts.map(hostName))].sort();
    if (hosts.length === 0) throw new AuthorityError('There is no host that an authority could sign for.');
    const { makeAuthority } = await import('./sign.ts');
    const now = this.#clock.wall();
    const made = await makeAuthority(hosts, {
      notBefore: now - CLOCK_SLACK_MS,
      notAfter: now + (plan.days ?? DEFAULT_DAYS) * DAY_MS,
    });
    const [expected, generation] = [former?.revision ?? 0, (former?.generation ?? 0) + 1];
    const form = { hosts, ...made };
    if (!(await writeAuthority(this.#records, expected, generation, form))) return undefined;
    return this.#open(authorityRecord(expected + 1, generation, form));
  }

  #open(record: AuthorityRecord): Authority {
    return new Authority(record, { clock: this.#clock });
  }
}
