/** Something that happens when its time has come. */
export interface Event {
  due: number;
  /** Whose it is: what a process has under way ends with the process. */
  readonly owner: object;
  /** A timer of its owner's host: it stands still while the host is suspended. */
  readonly timer: boolean;
  readonly run: () => void;
}

/**
 * Lets every promise settle that can: a tick runs once no promise job is left. Not `setImmediate`, whose turn of the
 * event loop asks the kernel for news: that was a third of the time of a history.
 */
function settle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** The true time of a simulation, and what happens in it, one event after the other. ms. */
export class Scheduler {
  now = 0;
  /** How many events have happened. */
  events = 0;
  readonly #pending = new Set<Event>();
  readonly #dead = new WeakSet<object>();
  readonly #frozen = new Map<object, number>();
  readonly #afterEach: () => void;

  /** `afterEach` is called after each event, once every promise has settled. */
  constructor(afterEach: () => void) {
    this.#afterEach = afterEach;
  }

  at(ms: number, owner: object, run: () => void, timer = false): Event {
    const event: Event = { due: this.now + ms, owner, timer, run };
    // A dead process may still be told of something; nothing comes of what it does then.
    if (!this.#dead.has(owner)) this.#pending.add(event);
    return event;
  }

  cancel(event: Event): void {
    this.#pending.delete(event);
  }

  /** Its owner dies: nothing of it happens any more. */
  bury(owner: object): void {
    this.#dead.add(owner);
    this.#frozen.delete(owner);
    for (const event of this.#pending) if (event.owner === owner) this.#pending.delete(event);
  }

  /** The owner stands still: what is due waits. */
  freeze(owner: object): void {
    if (!this.#frozen.has(owner)) this.#frozen.set(owner, this.now);
  }

  /** The owner goes on. `suspended`: its clock stood still too, so its timers have as long to run as before. */
  thaw(owner: object, suspended: boolean): void {
    const since = this.#frozen.get(owner);
    if (since === undefined) return;
    this.#frozen.delete(owner);
    if (!suspended) return;
    for (const event of this.#pending) if (event.owner === owner && event.timer) event.due += this.now - since;
  }

  isFrozen(owner: object): boolean {
    return this.#frozen.has(owner);
  }

  /** Lets so much time pass; what becomes due happens in order. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await settle();
    this.#afterEach();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#pending.delete(next);
      this.now = Math.max(this.now, next.due);
      this.events += 1;
      next.run();
      await settle();
      this.#afterEach();
    }
    this.now = end;
  }

  #next(end: number): Event | undefined {
    let first: Event | undefined;
    for (const event of this.#pending)
      if (event.due <= end && !this.#frozen.has(event.owner) && (first === undefined || event.due < first.due))
        first = event;
    return first;
  }
}
