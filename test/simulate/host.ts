import type { BootTime } from '../../src/tokens/boot-time.ts';
import type { Clock } from '../../src/tokens/clock.ts';
import type { Scheduler } from './scheduler.ts';

/** The wall clock at true time 0. ms. */
const EPOCH = 1_800_000_000_000;

/** A machine with a wall clock that can be set, and clocks that drift. */
export class Host implements Clock {
  readonly name: string;
  readonly #scheduler: Scheduler;
  /** Local ms for each true ms. */
  readonly rate: number;
  #step = 0;
  #suspendedAt: number | undefined;
  #suspended = 0;

  constructor(scheduler: Scheduler, name: string, rate: number) {
    this.#scheduler = scheduler;
    this.name = name;
    this.rate = rate;
  }

  wall(): number {
    return Math.floor(EPOCH + this.#scheduler.now * this.rate + this.#step);
  }

  /** Stands still while the host is suspended, as CLOCK_MONOTONIC does. */
  monotonic(): number {
    const until = this.#suspendedAt ?? this.#scheduler.now;
    return 1_000 + (until - this.#suspended) * this.rate;
  }

  sinceBoot(): number {
    return this.#scheduler.now * this.rate;
  }

  /** Time since the boot, the time suspended included. */
  bootTime(): BootTime {
    return { boot: this.name, ms: Math.round(this.#scheduler.now * this.rate) };
  }

  setClock(ms: number): void {
    this.#step += ms;
  }

  /** How far the clock has been set from the true time. ms. */
  get step(): number {
    return this.#step;
  }

  suspend(): void {
    this.#suspendedAt ??= this.#scheduler.now;
  }

  resume(): void {
    if (this.#suspendedAt === undefined) return;
    this.#suspended += this.#scheduler.now - this.#suspendedAt;
    this.#suspendedAt = undefined;
  }
}
