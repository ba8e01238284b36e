/** A mutant that no test can tell from the original, and why. */
export interface Equivalent {
  readonly file: string;
  /** The source around it, exactly; as short as names the place. */
  readonly at: string;
  /** What was changed, and into what; of a long text the beginning, and `…`. */
  readonly was: string;
  readonly now: string;
  readonly reason: string;
}
