import type { Process } from './process.ts';
import type { World } from './world.ts';

/** A waiter for a lease looks about ten times a second, with three requests to the store each, for at most 25 s. */
const POLLS_PER_SECOND = 31;
const LONGEST_WAIT_MS = 25_000;
/** How often a token that could not be stored is offered to a record that does not open, and what that reads. */
const MENDING_PAUSE_MS = 30_000;
const READS_PER_TRY = 4;

interface Spent {
  readonly process: Process;
  readonly stored: number;
  readonly lines: number;
  readonly requests: number;
}

/**
 * What a stretch of a history costs the store and the log, beside what was asked of each process in it. The bounds are
 * about a third above the most that a hundred thousand histories needed.
 */
export class Costs {
  readonly #world: World;
  readonly #from: number;
  readonly #calls: number;
  readonly #neverArrived: number;
  readonly #before: readonly Spent[];

  /** The stretch begins now. */
  constructor(world: World) {
    this.#world = world;
    this.#from = world.scheduler.now;
    this.#calls = callsOf(world);
    this.#neverArrived = neverArrived(world);
    this.#before = world.processes.map((process) => ({
      process,
      stored: world.stored.requestsOf(process),
      lines: process.lines,
      requests: process.requests,
    }));
  }

  /** The stretch ends now. Tells of each process that cost more than there was reason for. */
  judge(): void {
    const { accounts, scheduler, stored } = this.#world;
    const calls = callsOf(this.#world) - this.#calls;
    const waiting = (accounts.length * Math.min(LONGEST_WAIT_MS, scheduler.now - this.#from)) / 1_000;
    // A token that waits for its damaged record to be mended is offered to it again and again.
    const damaged = accounts.filter((account) => account.damaged).length;
    const mending = (damaged * READS_PER_TRY * (scheduler.now - this.#from)) / MENDING_PAUSE_MS;
    for (const { process, ...before } of this.#before) {
      const requests = process.requests - before.requests;
      const reads = stored.requestsOf(process) - before.stored;
      const mostReads = 60 + 12 * requests + 60 * calls + POLLS_PER_SECOND * waiting + mending;
      if (reads > mostReads) this.#world.wrong(`${process.name}: ${reads} store requests, of ${Math.round(mostReads)}`);
      const lines = process.lines - before.lines;
      // One for each operation of the store that fails, an account's way into trouble and out of it, and one for each
      // call, though it never arrives.
      const lost = neverArrived(this.#world) - this.#neverArrived;
      const mostLines = 8 + 2 * accounts.length + 2 * calls + lost;
      if (lines > mostLines) this.#world.wrong(`${process.name}: ${lines} log lines, of ${mostLines}`);
    }
  }

  /** Ends the stretch with the rule for clients whose tokens are good: they cost the store nothing. */
  judgeFree(): void {
    if (callsOf(this.#world) > this.#calls || this.#world.clockWasSet) return;
    for (const { process, stored } of this.#before) {
      const reads = this.#world.stored.requestsOf(process) - stored;
      if (reads > 0) this.#world.wrong(`${process.name}: ${reads} store requests for clients whose tokens are good`);
    }
  }
}

function neverArrived({ accounts }: World): number {
  return accounts.reduce((sum, { endpoint }) => sum + endpoint.neverArrived, 0);
}

function callsOf({ accounts }: World): number {
  return accounts.reduce((sum, { endpoint }) => sum + endpoint.arrived, 0);
}
