import { FLIGHT_MS } from '../deadlines.ts';
import { TokenwardError } from '../errors.ts';
import type { AccountCache } from './account-cache.ts';
import type { AccountState } from './account-state.ts';
import { isUsable } from './lifetime.ts';
import type { Parts } from './options.ts';
import type { Renewal } from './renewal.ts';
import { EarlyRenewalHeld } from './renewal-failures.ts';
import type { Token } from './token.ts';
import { renewalFor, type RenewalRequest } from './renewal-request.ts';
import type { RenewalTrigger } from './status.ts';
import type { Work } from './work.ts';

/** Shared renewals: one under way for an account at a time, which all requests that need it join. */
export class Flights {
  readonly #parts: Parts;
  readonly #accounts: AccountCache;
  readonly #work: Work;
  readonly #renewal: Renewal;

  constructor(parts: Parts, accounts: AccountCache, work: Work, renewal: Renewal) {
    this.#parts = parts;
    this.#accounts = accounts;
    this.#work = work;
    this.#renewal = renewal;
  }

  /** Begins a renewal of this token in the background, if none is under way. */
  renewEarly(state: AccountState, token: Token, request: RenewalTrigger | undefined): void {
    state.postponeEarlyRenewal();
    if (this.#work.isClosing()) return;
    this.#startOrJoin(state, token.generation, renewalFor('early', request)).catch(() => {
      // The observer has been notified; the token in use is still usable, and the next try is due at `refreshAt`.
    });
  }

  /** Waits for a newer token; returns this one if the renewal fails and it is still usable. */
  async renewFirst(state: AccountState, token: Token, request: RenewalTrigger | undefined): Promise<Token> {
    return this.join(state, token.generation, renewalFor('early', request)).catch((error: unknown) => {
      if (token.generation > state.rejectedGeneration && isUsable(token, this.#parts.clock)) return token;
      // It has ended meanwhile, so this renewal is needed by now.
      if (error instanceof EarlyRenewalHeld) return this.join(state, token.generation, renewalFor('expired', request));
      throw error;
    });
  }

  /** Waits for a token newer than the generation `newerThan`. */
  async join(state: AccountState, newerThan: number, request: RenewalRequest): Promise<Token> {
    if (state.waiting >= this.#parts.maxWaiting) {
      throw new TokenwardError('too_many_waiting', { detail: `account ${state.credential.account}`, retryAfter: 1 });
    }
    state.wantNewerThan(newerThan);
    state.addWaiter();
    state.addReference();
    try {
      for (;;) {
        const { credential } = state;
        const token = await this.#startOrJoin(state, newerThan, request).catch((error: unknown) => {
          // During the failed flight, another process may have announced its token.
          const { token: current, rejectedGeneration } = state;
          const isNewer = current !== undefined && current.generation > Math.max(newerThan, rejectedGeneration);
          if (isNewer && isUsable(current, this.#parts.clock)) return current;
          // It failed with settings that a reload has replaced meanwhile.
          if (state.credential !== credential && !this.#work.isClosing()) return undefined;
          // It was held back as an early one; this request needs one.
          if (error instanceof EarlyRenewalHeld && request.cause.why !== 'early') return undefined;
          throw error;
        });
        if (token === undefined) continue;
        // A flight that was under way for an older generation may end with the very token that was rejected.
        if (token.generation > newerThan) return token;
      }
    } finally {
      state.removeWaiter();
      this.#accounts.leave(state);
    }
  }

  #startOrJoin(state: AccountState, newerThan: number, request: RenewalRequest): Promise<Token> {
    return state.flight.run(
      async () => {
        if (state.predecessors !== undefined) await this.#work.untilReleased(state);
        state.renewalStarted();
        const work = this.#renewal.run(state, newerThan, request).finally(() => state.renewalEnded());
        state.flightStarted(work);
        this.#work.track(state, work);
        try {
          return await work;
        } catch (error) {
          state.flightFailed(work);
          throw error;
        }
      },
      FLIGHT_MS,
      () => {
        const detail = `account ${state.credential.account}: its renewal takes too long`;
        return new TokenwardError('token_unavailable', { detail, retryAfter: 5 });
      },
    );
  }
}
