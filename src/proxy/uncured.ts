import { LRUCache } from 'lru-cache';
import type { Clock } from '../tokens/clock.ts';

/** After a renewal that did not help: how long the same call is not renewed for again; doubled up to the most. ms. */
const PAUSE_FIRST = 30_000;
const PAUSE_MOST = 300_000;
/** Renewals in vain an account may make in a row over all its calls, and how fast the allowance comes back. ms. */
const ALLOWANCE = 3;
const ALLOWANCE_REFILL = 30_000;

interface AccountMemory {
  /** The newest generation that some reply has accepted. */
  accepted: number;
  /** The newest generation that came of a renewal and was refused all the same. */
  refused: number;
  /** The newest generation that came of a renewal and has yet to be accepted, and how long its first refusal counts as proof. */
  trial: number;
  trialUntil: number;
  allowance: number;
  refilledAt: number;
  streak: number;
  pausedUntil: number;
}

/**
 * Remembers "dead token" replies that a fresh token did not cure: they are about something else (a permission, a broken
 * upstream), and renewing on each of them would burn logins. A call that proved incurable is relayed as it is for a while;
 * other calls go on being healed as long as the token is known to work for somebody.
 */
export class UncuredReplies {
  readonly #calls = new LRUCache<string, { until: number; pause: number }>({ max: 5_000 });
  readonly #accounts = new LRUCache<string, AccountMemory>({ max: 10_000 });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A refusal led to this generation: until somebody accepts it, a refusal of it means that the renewal was in vain. */
  renewed(account: string, generation: number): void {
    const memory = this.#memory(account);
    if (generation <= memory.trial) return;
    memory.trial = generation;
    memory.trialUntil = this.#clock.monotonic() + PAUSE_MOST;
  }

  /** May a dead-token reply to this call, for the account's current generation, start a renewal? */
  mayRenew(account: string, call: string, generation: number): boolean {
    const now = this.#clock.monotonic();
    const known = this.#calls.get(call);
    if (known !== undefined && now < known.until) return false;
    const memory = this.#accounts.get(account);
    if (memory === undefined) return true;
    if (generation === memory.trial && generation > memory.accepted && generation > memory.refused && now < memory.trialUntil) {
      this.uncured(account, call, generation);
      return false;
    }
    // This generation came of a renewal in vain and nobody has accepted it: another one would be in vain too.
    if (generation <= memory.refused && memory.accepted < generation && now < memory.pausedUntil) return false;
    this.#refill(memory, now);
    return memory.allowance >= 1;
  }

  /** A fresh token was refused as well. */
  uncured(account: string, call: string, generation: number): void {
    const now = this.#clock.monotonic();
    const known = this.#calls.get(call);
    const pause = known === undefined ? PAUSE_FIRST : Math.min(PAUSE_MOST, known.pause * 2);
    this.#calls.set(call, { until: now + pause, pause });
    const memory = this.#memory(account);
    // Hundreds of callers may learn the same thing about one renewal.
    if (generation <= memory.refused) return;
    memory.refused = generation;
    this.#refill(memory, now);
    memory.allowance = Math.max(0, memory.allowance - 1);
    memory.pausedUntil = now + Math.min(PAUSE_MOST, PAUSE_FIRST * 2 ** memory.streak);
    memory.streak += 1;
  }

  /** A reply that does not complain about this generation: the token works. */
  accepted(account: string, generation: number): void {
    const memory = this.#accounts.get(account);
    if (memory === undefined || generation <= memory.accepted) return;
    memory.accepted = generation;
    memory.streak = 0;
  }

  /** A renewal did help: the call is forgiven. */
  cured(call: string): void {
    this.#calls.delete(call);
  }

  #memory(account: string): AccountMemory {
    let memory = this.#accounts.get(account);
    if (memory === undefined) {
      memory = { accepted: 0, refused: 0, trial: 0, trialUntil: 0, allowance: ALLOWANCE, refilledAt: this.#clock.monotonic(), streak: 0, pausedUntil: 0 };
      this.#accounts.set(account, memory);
    }
    return memory;
  }

  #refill(memory: AccountMemory, now: number): void {
    const refill = (now - memory.refilledAt) / ALLOWANCE_REFILL;
    memory.allowance = Math.min(ALLOWANCE, memory.allowance + refill);
    memory.refilledAt = now;
  }
}
