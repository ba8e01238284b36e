import type { Tally } from '../harness/tally.ts';

/** One part of the suite. */
export interface Part {
  readonly name: string;
  /** It takes too long for this run: only with --full, or when it is named. */
  readonly isHeavy?: boolean;
  /** Gives back a line with its figures. Rejects only if it could not be carried through. */
  run(tally: Tally): Promise<string>;
}
