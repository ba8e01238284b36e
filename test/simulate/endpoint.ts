import type { FailureReason, Outcome } from '../../src/tokens/credential.ts';
import type { RenewalKind } from '../../src/tokens/record-marks.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

const TIMEOUT_MS = 15_000;
/** The endpoint forgives repeats a little longer than the flow counts on, as an operator would set it. ms. */
const GRACE_MARGIN_MS = 20_000;

interface RefreshToken {
  state: 'live' | 'spent' | 'revoked';
  readonly family: number;
  spentAt: number;
  successor: Pair | undefined;
  spends: number;
}

export interface Pair {
  readonly access: string;
  readonly refresh: string | undefined;
}

/** How calls to the endpoint fare. */
export const WEATHERS = [
  'fine',
  'unreachable',
  'server error',
  'block page',
  'busy',
  'slow',
  'hanging',
  'cut before',
  'cut after',
] as const;
export type Weather = (typeof WEATHERS)[number];

export interface EndpointOptions {
  /** `rotating`: each refresh ends the old pair, and a second use revokes the family. */
  readonly kind: 'rotating' | 'grace' | 'login-only';
  /** ms; the flow's `rotationGrace`. */
  readonly grace: number;
  /** Seconds; undefined: not stated. */
  readonly lifetime: number | undefined;
}

/** One account's token endpoint and upstream, as the vendor sees them. */
export class Endpoint {
  readonly options: EndpointOptions;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly refreshTokens = new Map<string, RefreshToken>();
  /** Access tokens that the upstream accepts: the family of each, and the true time at which it ends. */
  readonly #live = new Map<string, { readonly family: number; readonly until: number }>();
  #issued = 0;
  weather: Weather = 'fine';
  /** What a login must be made with. */
  password = 'first';
  familiesRevoked = 0;
  /** True times at which logins arrived, whatever became of them. */
  readonly logins: number[] = [];
  /** The process that made each of them. */
  readonly loginsBy: object[] = [];
  /** Calls that never arrived. */
  neverArrived = 0;
  /** Calls of either kind that arrived. */
  arrived = 0;
  /** When each of them did, and the process that made it. */
  readonly arrivals: { readonly at: number; readonly by: object }[] = [];
  /** How often the refresh token that was spent most often was spent. */
  mostSpends = 0;

  constructor(scheduler: Scheduler, random: Random, options: EndpointOptions) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.options = options;
  }

  /** One call of this process. `secret`: the password of a login, or the refresh token. */
  call(owner: object, kind: RenewalKind, secret: string): Promise<Outcome> {
    return new Promise((resolve) => {
      const { weather } = this;
      const timeout = this.#scheduler.at(TIMEOUT_MS, owner, () => resolve(failed('timeout', 'unanswered', true)), true);
      const respond = (ms: number, outcome: Outcome): void => {
        this.#scheduler.at(ms, owner, () => {
          this.#scheduler.cancel(timeout);
          resolve(outcome);
        });
      };
      const trip = (): number => 5 + this.#random.below(120);
      // What is on the wire arrives, even if the process that sent it is gone.
      this.#scheduler.at(trip(), this, () => {
        if (weather === 'unreachable' || weather === 'cut before') this.neverArrived += 1;
        if (weather === 'unreachable') return respond(0, failed('connect', 'unsent', false));
        if (weather === 'cut before') return respond(trip(), failed('reset', 'unanswered', true));
        this.arrived += 1;
        this.arrivals.push({ at: this.#scheduler.now, by: owner });
        if (kind === 'login') {
          this.logins.push(this.#scheduler.now);
          this.loginsBy.push(owner);
        }
        if (weather === 'hanging') return;
        if (weather === 'server error') return respond(trip(), failed('status_5xx', 'answered', false));
        if (weather === 'block page') return respond(trip(), failed('status_4xx', 'answered', false));
        if (weather === 'busy') return respond(trip(), { kind: 'busy', reason: 'status 429', retryAfter: 5 });
        const outcome = kind === 'login' ? this.#login(secret) : this.#refresh(secret);
        if (weather === 'cut after') return respond(trip(), failed('reset', 'unanswered', true));
        respond(weather === 'slow' ? 3_000 + this.#random.below(10_000) : trip(), outcome);
      });
    });
  }

  /** The upstream's judgement of an access token. */
  accepts(access: string): boolean {
    const token = this.#live.get(access);
    return token !== undefined && token.until > this.#scheduler.now;
  }

  /** The upstream forgets an access token. */
  revoke(access: string): void {
    this.#live.delete(access);
  }

  /** An administrator at the vendor ends all sessions: refresh tokens too. */
  revokeAll(): void {
    this.#live.clear();
    for (const token of this.refreshTokens.values()) token.state = 'revoked';
  }

  /** A pair that a person obtained in a browser. */
  issueByHand(): Pair {
    return this.#issue(this.#issued + 1);
  }

  #login(password: string): Outcome {
    return password === this.password
      ? this.#grant(this.#issue(this.#issued + 1))
      : { kind: 'refused', reason: 'status 401' };
  }

  #refresh(secret: string): Outcome {
    const token = this.refreshTokens.get(secret);
    if (token === undefined || token.state === 'revoked') return { kind: 'refused', reason: 'status 400' };
    if (token.state === 'spent') {
      this.#spend(token);
      const { kind, grace } = this.options;
      if (kind === 'grace' && this.#scheduler.now - token.spentAt < grace + GRACE_MARGIN_MS)
        return this.#grant(token.successor!);
      this.familiesRevoked += 1;
      for (const other of this.refreshTokens.values()) if (other.family === token.family) other.state = 'revoked';
      this.#endFamily(token.family);
      return { kind: 'refused', reason: 'status 400' };
    }
    token.state = 'spent';
    token.spentAt = this.#scheduler.now;
    this.#spend(token);
    this.#endFamily(token.family);
    return this.#grant((token.successor = this.#issue(token.family)));
  }

  /** What was spent twice or revoked so far is no longer of interest. */
  forgetSpends(): void {
    this.familiesRevoked = 0;
    this.mostSpends = 0;
    for (const [secret, token] of this.refreshTokens) if (token.state !== 'live') this.refreshTokens.delete(secret);
  }

  #spend(token: RefreshToken): void {
    token.spends += 1;
    this.mostSpends = Math.max(this.mostSpends, token.spends);
  }

  #endFamily(family: number): void {
    for (const [access, token] of this.#live) if (token.family === family) this.#live.delete(access);
  }

  #issue(family: number): Pair {
    this.#issued += 1;
    const { kind, lifetime } = this.options;
    const refresh = kind === 'login-only' ? undefined : `refresh-${this.#issued}`;
    const pair = { access: `access-${this.#issued}`, refresh };
    if (refresh !== undefined)
      this.refreshTokens.set(refresh, { state: 'live', family, spentAt: 0, successor: undefined, spends: 0 });
    const until = lifetime === undefined ? Infinity : this.#scheduler.now + lifetime * 1_000;
    this.#live.set(pair.access, { family, until });
    return pair;
  }

  #grant({ access, refresh }: Pair): Outcome {
    const { lifetime } = this.options;
    return {
      kind: 'granted',
      grant: { secret: access, refreshSecret: refresh, lifetime, refreshLifetime: undefined },
    };
  }
}

function failed(reason: FailureReason, reach: 'unsent' | 'unanswered' | 'answered', maybeSpent: boolean): Outcome {
  return { kind: 'failed', reason, reach, maybeSpent, retryAfter: undefined };
}
