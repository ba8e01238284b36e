/** A disturbance, and for how long it may show. */
export interface Excuse {
  readonly why: string;
  readonly from: number;
  /** performance.now(); may be moved while it lasts. */
  until: number;
  /** Undefined: every one. */
  readonly account?: string;
  readonly replica?: string;
}

/** The disturbances of a run. A request that was not answered counts against tokenward unless one of them covers it. */
export class Excuses {
  #list: Excuse[] = [];

  add(excuse: Excuse): Excuse {
    this.#list.push(excuse);
    return excuse;
  }

  /** The one that covers a moment between both times. */
  of(account: string, replica: string | undefined, from: number, until: number): Excuse | undefined {
    return this.#list.find(
      (one) =>
        one.from <= until &&
        one.until >= from &&
        (one.account ?? account) === account &&
        (replica === undefined || (one.replica ?? replica) === replica),
    );
  }

  /** Forgets what has ended before. */
  forget(before: number): void {
    this.#list = this.#list.filter(({ until }) => until >= before);
  }
}
