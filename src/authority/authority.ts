import { X509Certificate } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../tokens/clock.ts';
import { AuthorityError } from './authority-error.ts';
import { hostName } from './host-name.ts';
import type { AuthorityRecord } from './record.ts';
import type { KeyedCertificate, Signer } from './sign.ts';

const HOUR_MS = 3_600_000;

/** Clients' clocks may be behind: certificates are valid this long before they are made. ms. */
export const CLOCK_SLACK_MS = HOUR_MS;
/** How long a server's certificate is valid, ms. */
export const LEAF_LIFETIME_MS = 72 * HOUR_MS;
/** With less than this left, a server's certificate is made again; clients' clocks may be ahead, too. ms. */
const LEAF_REMAKE_MS = 24 * HOUR_MS;
/** Certificates of servers in memory. */
const MAX_LEAVES = 1_000;

/** A server's certificate in use. */
interface Leaf extends KeyedCertificate {
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface AuthorityOptions {
  readonly clock: Clock;
  /** Certificates of servers kept in memory. */
  readonly maxLeaves?: number;
}

/**
 * A certificate authority that signs servers' certificates for its hosts. Its own certificates name them as critical
 * constraints, so that whoever trusts it trusts it for these hosts only, even if its key is stolen.
 */
export class Authority {
  /** The number of this authority in its store; a renewal makes another one. */
  readonly generation: number;
  readonly hosts: readonly string[];
  /** What clients must trust, PEM. */
  readonly certificate: string;
  /** Its SHA-256, in hexadecimal pairs with colons. */
  readonly fingerprint: string;
  /** Wall-clock ms. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly #record: AuthorityRecord;
  readonly #clock: Clock;
  readonly #covered: ReadonlySet<string>;
  readonly #leaves: LRUCache<string, Leaf>;
  /** Certificates that are being made, by host: all requests for one share it. */
  readonly #making = new Map<string, Promise<Leaf>>();
  #signer: Promise<Signer> | undefined;

  constructor(record: AuthorityRecord, { clock, maxLeaves = MAX_LEAVES }: AuthorityOptions) {
    this.#record = record;
    this.#clock = clock;
    this.generation = record.generation;
    this.hosts = record.hosts;
    this.certificate = record.root;
    const { fingerprint256, validFrom, validTo } = new X509Certificate(record.root);
    this.fingerprint = fingerprint256;
    this.notBefore = Date.parse(validFrom);
    this.notAfter = Date.parse(validTo);
    this.#covered = new Set(record.hosts);
    this.#leaves = new LRUCache({ max: maxLeaves });
  }

  /** Whether it may sign for this host: a name, or an IP address. */
  covers(host: string): boolean {
    return this.#covered.has(hostName(host));
  }

  /** Which of these hosts it does not cover. */
  missing(hosts: readonly string[]): string[] {
    return hosts.filter((host) => !this.covers(host));
  }

  /** Whether a client whose clock is right accepts it. */
  isValid(): boolean {
    const now = this.#clock.wall();
    return now >= this.notBefore && now < this.notAfter;
  }

  /**
   * The certificate (followed by its issuer's) and key for a server of this host, as tls.createSecureContext takes
   * them: synchronously if memory has them. Throws an AuthorityError for a host that is not covered, and after the
   * authority's own end.
   */
  certificateFor(host: string): KeyedCertificate | Promise<KeyedCertificate> {
    const name = hostName(host);
    if (!this.#covered.has(name)) throw new AuthorityError(`The authority may not sign for ${name}.`);
    const now = this.#clock.wall();
    if (now >= this.notAfter)
      throw new AuthorityError('The authority has expired. Make a new one with: tokenward ca renew');
    const known = this.#leaves.get(name);
    if (known !== undefined && this.#isFresh(known, now)) return known;
    let making = this.#making.get(name);
    if (making === undefined) {
      making = this.#make(name, now).finally(() => this.#making.delete(name));
      this.#making.set(name, making);
    }
    return making;
  }

  /** The clock may have been set back since, too. Near the authority's own end a new one would not last longer. */
  #isFresh({ notBefore, notAfter }: Leaf, now: number): boolean {
    return now >= notBefore && (notAfter - now > LEAF_REMAKE_MS || (notAfter === this.notAfter && now < notAfter));
  }

  async #make(host: string, now: number): Promise<Leaf> {
    const { makeLeaf, signerOf } = await import('./sign.ts');
    this.#signer ??= signerOf(this.#record.issuer, this.#record.revealKey());
    // A certificate knows whole seconds only.
    const notBefore = Math.floor((now - CLOCK_SLACK_MS) / 1000) * 1000;
    const notAfter = Math.min(Math.floor((now + LEAF_LIFETIME_MS) / 1000) * 1000, this.notAfter);
    const leaf = { ...(await makeLeaf(await this.#signer, host, { notBefore, notAfter })), notBefore, notAfter };
    this.#leaves.set(host, leaf);
    return leaf;
  }
}
