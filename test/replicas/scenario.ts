import type { Tally } from '../harness/tally.ts';

/** One thing that several tokenwards over one Redis must stand. */
export interface Scenario {
  readonly name: string;
  /** In a line, for people. */
  readonly what: string;
  /** Mostly waits, so others may run beside it. */
  readonly waits?: boolean;
  /** Gives back a line with its figures. Rejects only if it could not be carried through. */
  run(tally: Tally, full: boolean): Promise<string>;
}
