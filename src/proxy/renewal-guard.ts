import { LRUCache } from 'lru-cache';
import type { Clock } from '../tokens/clock.ts';

/** After a renewal that did not help: how long no other one is made; doubled each time up to the most. ms. */
const FIRST_PAUSE_MS = 30_000;
const MAX_PAUSE_MS = 300_000;
/**
 * The same where renewals do help, as they did a moment ago: at first not at all, then this long, and four times as
 * long each time. ms.
 */
const SHORT_PAUSE_MS = 250;
/** How long a renewal that helped speaks for the next ones. ms. */
const RECOVERY_TRUST_MS = 60_000;
/** After a renewal that nothing could be sent again with: until another such one; four times as long each time. ms. */
const UNREPLAYED_PAUSE_MS = 2_000;
/**
 * Renewals in vain an account may make in a row over all its calls, how fast the allowance comes back (ms), and what it
 * is raised to by a renewal that helps.
 */
const ALLOWANCE = 3;
const ALLOWANCE_REFILL_MS = 30_000;
const ALLOWANCE_AFTER_SUCCESS = 5;

interface AccountMemory {
  /** The newest generation that some reply has accepted. */
  accepted: number;
  /** The newest generation that came of a renewal and was refused all the same. */
  rejected: number;
  /**
   * The newest generation with which a call is on its way again, and how long another call's refusal of it counts as
   * proof.
   */
  trial: number;
  trialUntil: number;
  /**
   * The newest generation that came of a renewal with which nothing could be sent again, how many of those in a row
   * nobody has accepted, and until when no other one is made.
   */
  unreplayed: number;
  unreplayedInRow: number;
  unreplayedUntil: number;
  /** The newest generation that helped and when that was, and when the one before it had. */
  recovered: number;
  recoveredAt: number;
  recoveredBefore: number;
  allowance: number;
  refilledAt: number;
  /** Renewals in vain in a row. */
  ineffectiveInRow: number;
  pausedUntil: number;
  /** The newest generation told to be refused. */
  reported: number;
}

interface RequestMemory {
  until: number;
  /** How many renewals did not help this call, in a row, and the generation the last of them led to. */
  readonly ineffectiveInRow: number;
  readonly generation: number;
}

/** Why a dead-token reply starts no renewal. */
interface HoldBack {
  /** Until one may be tried. ms. */
  readonly waitMs: number;
  /** It is the token that nobody has accepted; false: this call alone is known to be refused with every token. */
  readonly tokenUnaccepted: boolean;
}

/**
 * Remembers "dead token" replies that a fresh token did not cure: they are about something else (a permission, a broken
 * upstream), and renewing on each of them would burn logins. A call that proved incurable is relayed as it is for a
 * while; other calls go on being healed as long as the token is known to work for somebody. Only a call that was sent
 * with the fresh token is a proof: a token that nobody has tried yet may have died as well as any other.
 */
export class RenewalGuard {
  readonly #requests = new LRUCache<string, RequestMemory>({ max: 5_000 });
  readonly #accounts = new LRUCache<string, AccountMemory>({ max: 10_000 });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether this is the first dead-token reply to this generation. */
  isFirstRejection(account: string, generation: number): boolean {
    const memory = this.#memory(account);
    if (generation <= memory.reported) return false;
    memory.reported = generation;
    return true;
  }

  /**
   * A refusal led to this generation, with which the call now goes out again: until somebody accepts it, a refusal of
   * it means that the renewal was in vain.
   */
  startTrial(account: string, generation: number): void {
    const memory = this.#memory(account);
    if (generation <= memory.trial) return;
    memory.trial = generation;
    memory.trialUntil = this.#clock.monotonic() + MAX_PAUSE_MS;
  }

  /** That call has had no answer: the generation has not been tried after all. */
  cancelTrial(account: string, generation: number): void {
    const memory = this.#accounts.get(account);
    if (memory?.trial === generation) memory.trialUntil = 0;
  }

  /** A refusal led to this generation, and the call cannot be sent again: nothing is known of it. */
  renewedWithoutReplay(account: string, generation: number): void {
    const memory = this.#memory(account);
    if (generation <= memory.unreplayed) return;
    memory.unreplayed = generation;
    memory.unreplayedUntil =
      this.#clock.monotonic() + Math.min(MAX_PAUSE_MS, UNREPLAYED_PAUSE_MS * 4 ** memory.unreplayedInRow);
    memory.unreplayedInRow += 1;
  }

  /**
   * What speaks against a renewal upon a dead-token reply to this call, for the account's current generation;
   * undefined: nothing. `replayable`: the call can be sent again, and so prove whether the renewal helped.
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
    // This generation came of a renewal in vain and nobody has accepted it: another one would be in vain too.
    extend(unaccepted && generation <= memory.rejected, memory.pausedUntil);
    extend(unaccepted && generation <= memory.unreplayed && !replayable, memory.unreplayedUntil);
    this.#refill(memory, now);
    extend(memory.allowance < 1, now + (1 - memory.allowance) * ALLOWANCE_REFILL_MS);
    return until > now ? { waitMs: until - now, tokenUnaccepted } : undefined;
  }

  /** A fresh token was refused as well. */
  ineffective(account: string, requestKey: string, generation: number): void {
    const now = this.#clock.monotonic();
    const memory = this.#memory(account);
    // Hundreds of callers may learn the same thing about one renewal, also with the same call.
    const isNew = generation > memory.rejected;
    if (isNew) {
      memory.rejected = generation;
      // It was refused by one and accepted by another: that proves nothing good.
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

  /** A reply that does not complain about this generation: the token works. */
  accepted(account: string, generation: number): void {
    const memory = this.#accounts.get(account);
    if (memory === undefined || generation <= memory.accepted) return;
    memory.accepted = generation;
    memory.ineffectiveInRow = 0;
    memory.unreplayedInRow = 0;
  }

  /** A renewal did help: the call is forgiven, and the next renewals get more trust. */
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
 * How long no renewal is made after so many in vain in a row. `helpful`: others have helped a moment ago, so that the
 * token may simply have died again. ms.
 */
function pauseAfter(ineffectiveInRow: number, recentlyRecovered: boolean): number {
  if (!recentlyRecovered) return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (ineffectiveInRow - 1));
  return ineffectiveInRow === 1 ? 0 : Math.min(MAX_PAUSE_MS, SHORT_PAUSE_MS * 4 ** (ineffectiveInRow - 2));
}
