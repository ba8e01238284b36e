import type { Outcome } from '../../../src/tokens/credential.ts';
import type { RenewalKind } from '../../../src/tokens/record-marks.ts';
import { failed } from '../../support/credential.ts';
import type { Timeline } from './timeline.ts';

const ARRIVES = 50;
const ANSWERS = 100;
const TIMEOUT = 15_000;
/** The endpoint forgives repeats a little longer than the flow counts on, as an operator would set it. ms. */
const MARGIN = 20_000;

interface RefreshToken {
  state: 'live' | 'spent' | 'revoked';
  readonly family: number;
  spentAt: number;
  successor: Pair | undefined;
  commits: number;
}

interface Pair {
  readonly access: string;
  readonly refresh: string;
}

/** How the next calls fare. */
export type Weather = 'fine' | 'unreachable' | 'error' | 'answer lost' | 'hanging';

/** Rotation with family revocation, and everything that can happen to a call on its way. */
export class Endpoint {
  readonly #time: Timeline;
  /** 0: strict. */
  readonly #grace: number;
  readonly #lifetime: number | undefined;
  readonly refreshTokens = new Map<string, RefreshToken>();
  readonly liveAccess = new Map<string, number>();
  #made = 0;
  weather: Weather = 'fine';
  passwordWorks = true;
  familiesRevoked = 0;
  /** Calls that arrived, by kind. */
  readonly arrivals = { login: 0, refresh: 0 };

  constructor(time: Timeline, grace: number, lifetime: number | undefined) {
    this.#time = time;
    this.#grace = grace;
    this.#lifetime = lifetime;
  }

  /** One call of one process. Its two moments, arrival and answer, are each on the time line. */
  call(owner: object, kind: RenewalKind, refresh: string | undefined): Promise<Outcome> {
    return new Promise((resolve) => {
      const { weather } = this;
      const timeout = this.#time.add(owner, 'timer', TIMEOUT, () =>
        resolve(failed({ reason: 'timeout', maybeSpent: true })),
      );
      const answer = (outcome: Outcome): void => {
        this.#time.pending.delete(timeout);
        resolve(outcome);
      };
      // The request outlives the process that sent it: what is on the wire arrives, even if nobody waits for the
      // answer.
      this.#time.add(this, 'endpoint', ARRIVES, () => {
        if (weather === 'unreachable') return answer(failed({ reason: 'connect' }));
        this.arrivals[kind] += 1;
        if (weather === 'error') return answer(failed());
        if (weather === 'hanging') return;
        const outcome = kind === 'login' ? this.#login() : this.#refresh(refresh!);
        this.#time.add(owner, 'endpoint', ANSWERS, () =>
          answer(weather === 'answer lost' ? failed({ reason: 'reset', maybeSpent: true }) : outcome),
        );
      });
    });
  }

  /** An upstream's judgement of an access token. */
  accepts(access: string): boolean {
    return this.liveAccess.has(access);
  }

  #login(): Outcome {
    if (!this.passwordWorks) return { kind: 'refused', reason: 'status 401' };
    return this.#granted(this.#issue(this.#made + 1));
  }

  #refresh(secret: string): Outcome {
    const token = this.refreshTokens.get(secret);
    if (token === undefined || token.state === 'revoked') return { kind: 'refused', reason: 'status 400' };
    if (token.state === 'spent') {
      token.commits += 1;
      if (this.#grace > 0 && this.#time.monotonic() - token.spentAt < this.#grace + MARGIN)
        return this.#granted(token.successor!);
      this.familiesRevoked += 1;
      for (const other of this.refreshTokens.values()) if (other.family === token.family) other.state = 'revoked';
      for (const [access, family] of this.liveAccess) if (family === token.family) this.liveAccess.delete(access);
      return { kind: 'refused', reason: 'status 400' };
    }
    token.state = 'spent';
    token.spentAt = this.#time.monotonic();
    token.commits += 1;
    for (const [access, family] of this.liveAccess) if (family === token.family) this.liveAccess.delete(access);
    return this.#granted((token.successor = this.#issue(token.family)));
  }

  #issue(family: number): Pair {
    this.#made += 1;
    const pair = { access: `access-${this.#made}`, refresh: `refresh-${this.#made}` };
    this.refreshTokens.set(pair.refresh, { state: 'live', family, spentAt: 0, successor: undefined, commits: 0 });
    this.liveAccess.set(pair.access, family);
    return pair;
  }

  #granted({ access, refresh }: Pair): Outcome {
    return {
      kind: 'granted',
      grant: { secret: access, refreshSecret: refresh, lifetime: this.#lifetime, refreshLifetime: undefined },
    };
  }
}
