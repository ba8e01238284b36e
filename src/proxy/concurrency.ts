import { TokenwardError } from '../errors.ts';

/** Counts the requests of one kind that are being answered. */
export interface Slots {
  inFlight: number;
}

/** How many requests are answered at once. */
interface ConcurrencyLimits {
  readonly inFlight: number;
  readonly perRoute: number;
  readonly perCaller: number;
}

/** The limits of a configuration, as far as they depend on how many share them. */
interface SharedLimits {
  readonly inFlight: number;
  readonly inFlightPerRoute?: number | undefined;
  readonly inFlightPerCaller?: number | undefined;
  readonly waitingPerAccount: number;
}

/**
 * What of several routes or callers a single one may have, where the configuration does not say: half. No caller can
 * then be all that waits for an account's token, either.
 */
export function concurrencyLimits(limits: SharedLimits, routes: number, callers: number): ConcurrencyLimits {
  const { inFlight, waitingPerAccount } = limits;
  const half = Math.ceil(inFlight / 2);
  return {
    inFlight,
    perRoute: limits.inFlightPerRoute ?? (routes > 1 ? half : inFlight),
    perCaller: limits.inFlightPerCaller ?? (callers > 1 ? Math.min(half, Math.ceil(waitingPerAccount / 2)) : inFlight),
  };
}

/**
 * How many requests are answered at once: all together, of one route, and of one caller. One more is better told so at
 * once than left to wait for all the others.
 */
export class ConcurrencyLimiter {
  readonly #limits: ConcurrencyLimits;
  readonly #all: Slots = { inFlight: 0 };

  constructor(limits: ConcurrencyLimits) {
    this.#limits = limits;
  }

  /** Takes a slot and notes it in `held`. Throws a TokenwardError if all are taken. */
  enter(heldSlots: Slots[]): void {
    take(heldSlots, this.#all, this.#limits.inFlight, 'limits.inFlight sets how many');
  }

  /** The same of a route's share. */
  enterRoute(heldSlots: Slots[], route: Slots, name: string): void {
    take(
      heldSlots,
      route,
      this.#limits.perRoute,
      () => `route ${name} has its share; limits.inFlightPerRoute sets how many`,
    );
  }

  /** The same of a caller's share. */
  enterCaller(heldSlots: Slots[], caller: Slots, name: string): void {
    take(
      heldSlots,
      caller,
      this.#limits.perCaller,
      () => `caller ${name} has its share; limits.inFlightPerCaller sets how many`,
    );
  }

  /** Gives back all that is noted. */
  leave(heldSlots: Slots[]): void {
    for (let slots = heldSlots.pop(); slots !== undefined; slots = heldSlots.pop()) slots.inFlight -= 1;
  }
}

function take(heldSlots: Slots[], slots: Slots, max: number, detail: string | (() => string)): void {
  if (slots.inFlight >= max)
    throw new TokenwardError('too_many_requests', {
      retryAfter: 1,
      detail: typeof detail === 'string' ? detail : detail(),
    });
  slots.inFlight += 1;
  heldSlots.push(slots);
}
