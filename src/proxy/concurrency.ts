import { TokenwardError } from '../errors.ts';

/** Counts the requests in flight of one kind. */
export interface Slots {
  inFlight: number;
}

/** Limits on requests in flight. */
interface ConcurrencyLimits {
  readonly inFlight: number;
  readonly perRoute: number;
  readonly perCaller: number;
}

/** The configured limits from which the defaults are computed. */
interface SharedLimits {
  readonly inFlight: number;
  readonly inFlightPerRoute?: number | undefined;
  readonly inFlightPerCaller?: number | undefined;
  readonly waitingPerAccount: number;
}

/**
 * Without a configured limit, one of several routes or callers may have half of `inFlight`. Nor can one caller then
 * take all places that wait for an account's token.
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
 * Limits the requests in flight: in total, per route and per caller. One too many is refused at once rather than left
 * to wait.
 */
export class ConcurrencyLimiter {
  #limits: ConcurrencyLimits;
  readonly #all: Slots = { inFlight: 0 };

  constructor(limits: ConcurrencyLimits) {
    this.#limits = limits;
  }

  /** Other limits from now on. Requests in flight keep their slots. */
  setLimits(limits: ConcurrencyLimits): void {
    this.#limits = limits;
  }

  /** Takes a slot and adds it to `heldSlots`. Throws a TokenwardError if none is free. */
  enter(heldSlots: Slots[]): void {
    take(heldSlots, this.#all, this.#limits.inFlight, 'the limit is limits.inFlight');
  }

  /** The same within a route's limit. */
  enterRoute(heldSlots: Slots[], route: Slots, name: string): void {
    take(
      heldSlots,
      route,
      this.#limits.perRoute,
      () => `route ${name} has reached its share (limits.inFlightPerRoute)`,
    );
  }

  /** The same within a caller's limit. */
  enterCaller(heldSlots: Slots[], caller: Slots, name: string): void {
    take(
      heldSlots,
      caller,
      this.#limits.perCaller,
      () => `caller ${name} has reached its share (limits.inFlightPerCaller)`,
    );
  }

  /** Releases all held slots. */
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
