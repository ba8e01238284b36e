import { TokenwardError } from '../errors.ts';

/** Unread tunnels at once in one process: each holds two connections. */
export const MAX_TUNNELS = 1_000;

/** The places of unread tunnels, so that no caller can take all of them. */
export class TunnelPlaces {
  readonly #all: number;
  #perCaller = 0;
  #taken = 0;
  readonly #byCaller = new Map<string | undefined, number>();

  /** `several`: there is more than one caller, and each has half of the places at most. */
  constructor(several: boolean, all = MAX_TUNNELS) {
    this.#all = all;
    this.share(several);
  }

  /** Whether there is more than one caller from now on. */
  share(several: boolean): void {
    this.#perCaller = several ? Math.ceil(this.#all / 2) : this.#all;
  }

  /** Returns what gives the place back, once. Throws a TokenwardError if there is none. */
  take(caller: string | undefined): () => void {
    const ofCaller = this.#byCaller.get(caller) ?? 0;
    if (this.#taken >= this.#all) throw tooMany(`${this.#all} unread tunnels are open in this process: all it has`);
    if (ofCaller >= this.#perCaller)
      throw tooMany(`caller ${caller ?? ''} has ${ofCaller} unread tunnels open: its half of what this process has`);
    this.#taken += 1;
    this.#byCaller.set(caller, ofCaller + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#taken -= 1;
      const left = this.#byCaller.get(caller)! - 1;
      if (left === 0) this.#byCaller.delete(caller);
      else this.#byCaller.set(caller, left);
    };
  }
}

function tooMany(detail: string): TokenwardError {
  return new TokenwardError('too_many_requests', { detail, retryAfter: 1 });
}
