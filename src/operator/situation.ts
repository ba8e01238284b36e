import type { ProcessState, StateCounts, WorkerStatus } from './status-document.ts';

/** Everything that incidents are found in. `now`: wall clock, ms. */
export interface Situation {
  readonly state: ProcessState;
  readonly states: StateCounts;
  readonly now: number;
  readonly workers: readonly WorkerStatus[];
  /** Slots without a worker. */
  readonly missing: readonly number[];
}
