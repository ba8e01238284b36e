import { LRUCache } from 'lru-cache';
import type { Clock } from '../tokens/clock.ts';

/** After an ineffective renewal: pause before the next one, doubled each time up to the maximum. ms. */
const FIRST_PAUSE_MS = 30_000;
const MAX_PAUSE_MS = 300_000;
/** The same while renewals have helped recently: first no pause, then this one, four times as long each time. ms. */
const SHORT_PAUSE_MS = 250;
/** How long a renewal that helped counts as recent. ms. */
const RECOVERY_TRUST_MS = 60_000;
/** After a renewal without a replay: pause before the next such one, four times as long each time. ms. */
const UNREPLAYED_PAUSE_MS = 2_000;
/**
 * Ineffective renewals in a row that an account may make over all requests; how fast the allowance refills (ms); what a
 * renewal that helps raises it to.
 */
const ALLOWANCE = 3;
const ALLOWANCE_REFILL_MS = 30_000;
const ALLOWANCE_AFTER_SUCCESS = 5;

interface AccountMemory {
  /** Newest generation that some response has accepted. */
  accepted: number;
  /** Newest generation that was rejected right after its renewal. */
  rejected: number;
  /**
   * Newest generation with which a request is being replayed, and until when another request's rejection of it counts
   * as proof.
   */
  trial: number;
  trialUntil: number;
  /**
   * Newest generation of a renewal without a replay; number of such renewals in a row without an accepted token; until
   * when no other one is made.
   */
  unreplayed: number;
  unreplayedInRow: number;
  unreplayedUntil: number;
  /** Newest generation that helped, when that was, and when the previous one did. */
  recovered: number;
  recoveredAt: number;
  recoveredBefore: number;
  allowance: number;
  refilledAt: number;
  /** Ineffective renewals in a row. */
  ineffectiveInRow: number;
  pausedUntil: number;
  /** Newest generation reported as rejected. */
  reported: number;
}

interface RequestMemory {
  until: number;
  /** Renewals in a row that did not help this request, and the generation of the last one. */
  readonly ineffectiveInRow: number;
  readonly generation: number;
}

/** Why a rejection starts no renewal. */
interface HoldBack {
  /** Time until a renewal is allowed. ms. */
  readonly waitMs: number;
  /** True: no response has accepted this token. False: only this request is rejected, with every token. */
  readonly tokenUnaccepted: boolean;
}

/**
 * Remembers rejections that a new token did not cure: they have another reason (a permission, a broken upstream), and
 * renewing on each would waste logins. Such a request's rejection is relayed for a while; others still renew as long as
 * the token works for some request. Only a replay with the new token is proof: a token that has not been used yet may
 * have been rejected as well.
 */
export class RenewalGuard {
  readonly #requests = new LRUCache<string, RequestMemory>({ max: 5_000 });
  readonly #accounts = new LRUCache<string, AccountMemory>({ max: 10_000 });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The account is another one since a reload, and its generations are counted anew. */
  forget(account: string): void {
    this.#accounts.delete(account);
  }

  /** Whether this is the first rejection of this generation. */
  isFirstRejection(account: string, generation: number): boolean {
    const memory = this.#memory(account);
    if (generation <= memory.reported) return false;
    memory.reported = generation;
    return true;
  }

  /**
   * A rejection led to this generation, and its request is being replayed: until a response accepts it, another
   * rejection means that the renewal was ineffective.
   */
  startTrial(account: string, generation: number): void {
    const memory = this.#memory(account);
    if (generation <= memory.trial) return;
    memory.trial = generation;
    memory.trialUntil = this.#clock.monotonic() + MAX_PAUSE_MS;
  }

  /** The replay brought no usable response, so the generation is not proven. */
  cancelTrial(account: string, generation: number): void {
    const memory = this.#accounts.get(account);
    if (memory?.trial === generation) memory.trialUntil = 0;
  }

  /** A rejection led to this generation, and its request cannot be replayed: nothing is known about the token. */
  renewedWithoutReplay(account: string, generation: number): void {
    const memory = this.#memory(account);
    if (generation <= memory.unreplayed) return;
    memory.unreplayed = generation;
    memory.unreplayedUntil =
      this.#clock.monotonic() + Math.min(MAX_PAUSE_MS, UNREPLAYED_PAUSE_MS * 4 ** memory.unreplayedInRow);
    memory.unreplayedInRow += 1;
  }

  /**
   * Whether a rejection of the account's current generation must not start a renewal, and for how long; undefined: it
   * may. `replayable`: a replay would prove whether the renewal helped.
   */
  heldBack(account: string, requestKey: string, generation: number, replayable: boolean): HoldBack | undefined {
    const now = this.#clock.monotonic();
    const memory = this.#memory(account);
    if (
      generation === memory.trial &&
      generation > memory.accepted &&
      generation > memory.rejected &&
      now < memory.trialUntil
    )
      this.ineffective(account, requestKey, generation);
    const unaccepted = memory.accepted < generation;
    let until = this.#requests.get(requestKey)?.until ?? 0;
    let tokenUnaccepted = unaccepted && until > now;
    const extend = (holds: boolean, end: number): void => {
      if (!holds || end <= now) return;
      until = Math.max(until, end);
      tokenUnaccepted = true;
    };
    // The renewal to this generation was ineffective and no response has accepted it, so another would be ineffective
    // too.
    extend(unaccepted && generation <= memory.rejected, memory.pausedUntil);
    extend(unaccepted && generation <= memory.unreplayed && !replayable, memory.unreplayedUntil);
    this.#refill(memory, now);
    extend(memory.allowance < 1, now + (1 - memory.allowance) * ALLOWANCE_REFILL_MS);
    return until > now ? { waitMs: until - now, tokenUnaccepted } : undefined;
  }

  /** The new token was rejected too. */
  ineffective(account: string, requestKey: string, generation: number): void {
    const now = this.#clock.monotonic();
    const memory = this.#memory(account);
    // Hundreds of requests may report the same renewal, also with the same key.
    const isNew = generation > memory.rejected;
    if (isNew) {
      memory.rejected = generation;
      // Rejected for one request and accepted for another: it did not help.
      if (memory.recovered === generation) memory.recoveredAt = memory.recoveredBefore;
      this.#refill(memory, now);
      memory.allowance = Math.max(0, memory.allowance - 1);
      memory.ineffectiveInRow += 1;
    }
    const recentlyRecovered = now - memory.recoveredAt < RECOVERY_TRUST_MS;
    const known = this.#requests.get(requestKey);
    if (known === undefined || generation > known.generation) {
      const ineffectiveInRow = (known?.ineffectiveInRow ?? 0) + 1;
      this.#requests.set(requestKey, {
        until: now + pauseAfter(ineffectiveInRow, recentlyRecovered),
        ineffectiveInRow,
        generation,
      });
    }
    if (isNew) memory.pausedUntil = now + pauseAfter(memory.ineffectiveInRow, recentlyRecovered);
  }

  isAccepted(account: string, generation: number): boolean {
    return (this.#accounts.get(account)?.accepted ?? 0) >= generation;
  }

  /** A response has accepted this generation: the token works. */
  accepted(account: string, generation: number): void {
    const memory = this.#accounts.get(account);
    if (memory === undefined || generation <= memory.accepted) return;
    memory.accepted = generation;
    memory.ineffectiveInRow = 0;
    memory.unreplayedInRow = 0;
  }

  /** A renewal helped: the request's record is cleared, and the allowance raised. */
  recovered(account: string, requestKey: string, generation: number): void {
    this.#requests.delete(requestKey);
    const memory = this.#memory(account);
    if (generation <= memory.recovered || generation <= memory.rejected) return;
    memory.recovered = generation;
    memory.recoveredBefore = memory.recoveredAt;
    memory.recoveredAt = this.#clock.monotonic();
    memory.allowance = ALLOWANCE_AFTER_SUCCESS;
  }

  #memory(account: string): AccountMemory {
    let memory = this.#accounts.get(account);
    if (memory === undefined) {
      memory = {
        accepted: 0,
        rejected: 0,
        trial: 0,
        trialUntil: 0,
        unreplayed: 0,
        unreplayedInRow: 0,
        unreplayedUntil: 0,
        recovered: 0,
        recoveredAt: -Infinity,
        recoveredBefore: -Infinity,
        allowance: ALLOWANCE,
        refilledAt: this.#clock.monotonic(),
        ineffectiveInRow: 0,
        pausedUntil: 0,
        reported: 0,
      };
      this.#accounts.set(account, memory);
    }
    return memory;
  }

  #refill(memory: AccountMemory, now: number): void {
    const refill = (now - memory.refilledAt) / ALLOWANCE_REFILL_MS;
    if (memory.allowance < ALLOWANCE) memory.allowance = Math.min(ALLOWANCE, memory.allowance + refill);
    memory.refilledAt = now;
  }
}

/**
 * Pause after so many ineffective renewals in a row. `recentlyRecovered`: a renewal has helped recently, so the token
 * may simply have been revoked again. ms.
 */
function pauseAfter(ineffectiveInRow: number, recentlyRecovered: boolean): number {
  if (!recentlyRecovered) return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (ineffectiveInRow - 1));
  return ineffectiveInRow === 1 ? 0 : Math.min(MAX_PAUSE_MS, SHORT_PAUSE_MS * 4 ** (ineffectiveInRow - 2));
}
