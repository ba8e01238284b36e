import { FLIGHT_MS } from '../deadlines.ts';
import { TokenwardError } from '../errors.ts';
import type { AccountCache } from './account-cache.ts';
import type { AccountState } from './account-state.ts';
import { isUsable } from './lifetime.ts';
import type { Parts } from './options.ts';
import type { Renewal } from './renewal.ts';
import type { Token } from './token.ts';
import { EARLY_RENEWAL, type RenewalRequest } from './renewal-request.ts';
import type { Work } from './work.ts';

/** Renewals as callers meet them: one under way for an account at a time, which everybody who comes meanwhile joins. */
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

  /** Begins a renewal in the background, if there is none. */
  renewEarly(state: AccountState): void {
    state.postponeEarlyRenewal();
    if (state.flight.busy || this.#work.isClosing()) return;
    this.#startOrJoin(state, state.token?.generation ?? 0, EARLY_RENEWAL).catch(() => {
      // The observer has heard of it; the token in use still lives, and the next try is due at `earlyAt`.
    });
  }

  /** Waits for a newer token, but makes do with this one if there is none to be had and it still lives. */
  async renewFirst(state: AccountState, token: Token): Promise<Token> {
    return this.join(state, token.generation, EARLY_RENEWAL).catch((error: unknown) => {
      if (token.generation <= state.rejectedGeneration || !isUsable(token, this.#parts.clock)) throw error;
      return token;
    });
  }

  /** Waits for a token newer than the refused generation. */
  async join(state: AccountState, refused: number, request: RenewalRequest): Promise<Token> {
    if (state.waiting >= this.#parts.maxWaiting) {
      throw new TokenwardError('too_many_waiting', { detail: `account ${state.credential.account}`, retryAfter: 1 });
    }
    state.addWaiter();
    state.addReference();
    try {
      for (;;) {
        const token = await this.#startOrJoin(state, refused, request).catch((error: unknown) => {
          // While the flight got nowhere, another process may have told us of its token.
          const { token: current, rejectedGeneration } = state;
          if (current === undefined || current.generation <= Math.max(refused, rejectedGeneration)) throw error;
          if (!isUsable(current, this.#parts.clock)) throw error;
          return current;
        });
        // A flight that was under way for an older generation may land on the very token we were refused with.
        if (token.generation > refused) return token;
      }
    } finally {
      state.removeWaiter();
      this.#accounts.leave(state);
    }
  }

  #startOrJoin(state: AccountState, refused: number, request: RenewalRequest): Promise<Token> {
    return state.flight.run(
      async () => {
        const work = this.#renewal.run(state, refused, request);
        state.flightStarted(work);
        this.#work.track(state, work);
        try {
          const token = await work;
          state.flightSucceeded(token);
          return token;
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
