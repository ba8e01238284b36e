import { createHmac, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { STAND_IN, UNSIGNED_JWT } from '../flows/answer-login.ts';
import type { Clock } from '../tokens/clock.ts';

/*
 * An application that logs in with its key in the URL gets a stand-in for the vendor's token, and may send nothing but
 * that from then on. So the stand-in says whose it is: caller and end, under a key that all processes of a store share.
 * It is of no use to anybody but the caller's own application: it is worth what the caller's key is worth on the routes
 * of one account, for a day at most.
 */

/** Where a route's applications send the token of their answered login, and for what it is good. */
export interface StandInPlace {
  /** In lower case. */
  readonly header: string;
  /** What stands before and behind the token. */
  readonly before: string;
  readonly behind: string;
  /** The account, or the flow of the accounts that a request chooses. */
  readonly scope: string;
}

/** Longer than any life that a preset's answer tells, so that an application renews before. s. */
const LIFE_S = 25 * 3_600;
const PREFIX = `${STAND_IN}.`;
const VERSION = 1;
const END_BYTES = 4;
const MAC_BYTES = 16;
const HEAD_BYTES = 1 + END_BYTES + MAC_BYTES;

/** A caller with the digest of its key. */
interface KeyedCaller {
  readonly name: string;
  readonly digest: Buffer | undefined;
}

/** A stand-in that this installation has issued. `end`: unix seconds. */
interface ReadStandIn {
  /** The caller's. */
  readonly name: string;
  readonly end: number;
}

/** The same with the digest of the caller's key, as it was verified. */
interface VerifiedStandIn extends ReadStandIn {
  readonly digest: Buffer;
}

/** Issues and reads the stand-ins of callers that have keys. */
export class StandIns {
  readonly #keys: readonly Buffer[];
  readonly #clock: Clock;
  /** Those that have been verified, so that each is verified once. */
  readonly #verified = new LRUCache<string, VerifiedStandIn>({ max: 1_000 });

  /** `keys`: the first one issues, all are read. */
  constructor(keys: readonly Buffer[], clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** `end`: unix seconds; by default a day from now. Undefined: this caller has no key. */
  issue(caller: KeyedCaller, scope: string, end = Math.floor(this.#clock.wall() / 1000) + LIFE_S): string | undefined {
    if (caller.digest === undefined) return undefined;
    const head = Buffer.alloc(1 + END_BYTES, VERSION);
    head.writeUInt32BE(end, 1);
    const mac = macOf(this.#keys[0]!, caller, caller.digest, scope, end);
    return PREFIX + Buffer.concat([head, mac, Buffer.from(caller.name)]).toString('base64url');
  }

  /**
   * The stand-in in a field's value. Undefined: there is none. `forged`: not issued here, or for another account, or to
   * a caller that has another key now.
   */
  read(
    value: string,
    place: StandInPlace,
    callers: readonly KeyedCaller[],
  ): ReadStandIn | 'expired' | 'forged' | undefined {
    const text = standInOf(value, place);
    if (text === undefined) return undefined;
    const key = `${place.scope} ${text}`;
    let found = this.#verified.get(key);
    // A reload may have given the caller another key since.
    if (found === undefined || !isStillKey(found, callers)) {
      this.#verified.delete(key);
      found = this.#verify(text, place.scope, callers);
      if (found === undefined) return 'forged';
      this.#verified.set(key, found);
    }
    return found.end * 1000 > this.#clock.wall() ? found : 'expired';
  }

  #verify(text: string, scope: string, callers: readonly KeyedCaller[]): VerifiedStandIn | undefined {
    const written = text.slice(PREFIX.length);
    const bytes = Buffer.from(written, 'base64url');
    // One spelling only: nothing that was not issued is taken.
    if (bytes.length <= HEAD_BYTES || bytes[0] !== VERSION || bytes.toString('base64url') !== written) return undefined;
    const name = bytes.toString('utf8', HEAD_BYTES);
    const end = bytes.readUInt32BE(1);
    const caller = callers.find((one) => one.name === name);
    const digest = caller?.digest;
    if (caller === undefined || digest === undefined) return undefined;
    const mac = bytes.subarray(1 + END_BYTES, HEAD_BYTES);
    const isOurs = this.#keys.some((key) => timingSafeEqual(mac, macOf(key, caller, digest, scope, end)));
    return isOurs ? { name, end, digest } : undefined;
  }
}

function isStillKey({ name, digest }: VerifiedStandIn, callers: readonly KeyedCaller[]): boolean {
  return callers.find((caller) => caller.name === name)?.digest?.equals(digest) === true;
}

/** The digest of the caller's key is in it: a new key ends what the former one has got. */
function macOf(key: Buffer, { name }: KeyedCaller, digest: Buffer, scope: string, end: number): Buffer {
  const mac = createHmac('sha256', key)
    .update(JSON.stringify([VERSION, name, scope, end]))
    .update(digest);
  return mac.digest().subarray(0, MAC_BYTES);
}

/** The stand-in itself: it is the token, or a claim of a JWT in its place. */
function standInOf(value: string, { before, behind }: StandInPlace): string | undefined {
  let text = value.trim();
  if (text.toLowerCase().startsWith(before.toLowerCase())) text = text.slice(before.length);
  if (behind !== '' && text.endsWith(behind)) text = text.slice(0, -behind.length);
  text = text.trim();
  if (text.startsWith(PREFIX)) return text;
  return text.startsWith(`${UNSIGNED_JWT}.`) ? claimOf(text.slice(UNSIGNED_JWT.length + 1)) : undefined;
}

function claimOf(rest: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(rest.split('.', 1)[0]!, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null) return undefined;
    return Object.values(claims).find((one): one is string => typeof one === 'string' && one.startsWith(PREFIX));
  } catch {
    return undefined;
  }
}
