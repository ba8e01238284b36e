import { historyOf, play, shrink } from './simulate.ts';

/** Seeds that one process plays in one go. */
export interface Block {
  readonly from: number;
  readonly count: number;
}

export interface Broken {
  readonly seed: number;
  readonly violation: string;
  /** The shortest history found that still breaks a rule. */
  readonly short: string;
}

export interface BlockResult {
  readonly steps: number;
  readonly judged: number;
  readonly requests: number;
  readonly served: number;
  readonly broken: readonly Broken[];
}

/** Plays the histories of a block. */
export async function playBlock({ from, count }: Block): Promise<BlockResult> {
  let [steps, judged, requests, served] = [0, 0, 0, 0];
  const broken: Broken[] = [];
  // The simulated store fails often; nobody reads these stacks, and they were a tenth of the time.
  Error.stackTraceLimit = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const history = historyOf(seed);
    const result = await play(history);
    steps += result.steps;
    judged += result.judged;
    requests += result.requests;
    served += result.served;
    if (result.violation === undefined) continue;
    const { options, script } = await shrink(history);
    const short = `${options.store}, ${options.processes} processes: ${script.join('; ')}`;
    broken.push({ seed, violation: result.violation, short });
  }
  return { steps, judged, requests, served, broken };
}
