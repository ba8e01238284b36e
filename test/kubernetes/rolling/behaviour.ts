import type { Tally } from '../../harness/tally.ts';

/** One thing that must hold while pods are replaced. */
export interface Behaviour {
  readonly name: string;
  /** Gives back a line with its figures. */
  run(tally: Tally): Promise<string>;
}
