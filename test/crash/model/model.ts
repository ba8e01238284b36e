import fc from 'fast-check';
import { play, runs } from './script.ts';

export interface ModelResult {
  readonly runs: number;
  readonly seconds: number;
  /** What was broken, with the shortest script that breaks it and the seed. */
  readonly fault: string | undefined;
}

/** Plays so many random runs. The first broken rule ends it, with the shortest run that breaks it. */
export async function checkModel(numRuns: number, seed: number): Promise<ModelResult> {
  const start = performance.now();
  // Thousands of refusals a second, and nobody reads where they came from.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const result = await fc.check(fc.asyncProperty(runs, play), { numRuns, seed, endOnFailure: false });
  Error.stackTraceLimit = stackTraceLimit;
  const seconds = (performance.now() - start) / 1000;
  if (!result.failed) return { runs: result.numRuns, seconds, fault: undefined };
  const [example] = result.counterexample ?? [];
  const script = example?.script.map(([name, pick]) => `${name} (${pick})`).join(', ') ?? '';
  return {
    runs: result.numRuns,
    seconds,
    fault: `${String(result.errorInstance)}; seed ${result.seed}, ${JSON.stringify(example?.options)}: ${script}`,
  };
}
