/** When a token was last obtained, read or given to a request, for upstreams that end a session that nobody uses. */
export class LastUse {
  #at = -Infinity;

  /** `now`: wall clock, ms, which goes on while the machine is suspended. */
  note(now: number): void {
    this.#at = now;
  }

  /** Notes a use. False: nobody has used it for `idle` ms, so the upstream has ended it. */
  isRecent(now: number, idle: number): boolean {
    if (now - this.#at >= idle) return false;
    this.#at = now;
    return true;
  }
}
