import { readFileSync } from 'node:fs';
import { randomFrom } from '../../harness/random.ts';
import { messageOf } from '../../harness/tally.ts';
import type { Target } from '../target.ts';
import { storedInputs } from './corpus.ts';
import type { Coverage, Reached } from './coverage.ts';
import { judge } from './judge.ts';
import { Mutator } from './mutate.ts';

/** How much longer inputs are run between two readings of the coverage than a reading takes. */
const BATCH_SHARE = 8;
const MAX_BATCH = 500;
/** Runs that one input may cost to be made shorter. */
const MAX_SHORTENING = 40;
/** Different faults after which a run ends: there is enough to do. */
const MAX_FAULTS = 10;
const MAX_WORD_LENGTH = 24;
/** Lengths of runs of one byte, unless the target has its own. */
const RUNS: readonly number[] = [4_000, 40_000];

/** A broken rule, and the shortest input that was found for it. */
export interface Fault {
  readonly message: string;
  readonly bytes: Buffer;
}

export interface Progress {
  readonly executions: number;
  /** Inputs of the corpus in memory. */
  readonly inputs: number;
  /** Of them, those that this run has found. */
  readonly added: number;
  /** Share of the target's files that has been run. */
  readonly covered: number;
}

interface Hooks {
  /** Before each input is run: should the process end, this was the last. */
  before(bytes: Buffer): void;
  progress(now: Progress): void;
  fault(fault: Fault): void;
}

/**
 * Fuzzes one target: changes inputs that reached something, runs them, and keeps what reaches more. The inputs that
 * were kept, the shortest first, without those that reach nothing of their own.
 */
export async function fuzz(
  target: Target,
  coverage: Coverage,
  { seconds, seed }: { readonly seconds: number; readonly seed: number },
  hooks: Hooks,
): Promise<Buffer[]> {
  const random = randomFrom(seed);
  const corpus: Buffer[] = [];
  const faults = new Set<string>();
  let [executions, added] = [0, 0];
  let told = performance.now();
  const tell = (): void => {
    told = performance.now();
    hooks.progress({ executions, inputs: corpus.length, added, covered: coverage.share });
  };
  const run = async (bytes: Buffer): Promise<string | undefined> => {
    if (performance.now() - told > 1_000) tell();
    hooks.before(bytes);
    executions += 1;
    try {
      await judge(target, bytes);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };
  const runAll = async (bytes: Buffer): Promise<void> => {
    const message = await run(bytes);
    if (message === undefined || faults.has(kindOf(message))) return;
    faults.add(kindOf(message));
    const shortest = await shortened(bytes, async (shorter) => {
      const again = await run(shorter);
      return again !== undefined && kindOf(again) === kindOf(message);
    });
    hooks.fault({ message: (await run(shortest)) ?? message, bytes: shortest });
  };
  /** Finds the inputs that reach something new, by halves; each is shortened and kept. */
  const consider = async (inputs: readonly Buffer[]): Promise<void> => {
    coverage.reset();
    for (const bytes of inputs) await run(bytes);
    const found = coverage.fresh();
    if (found.size === 0) return;
    if (inputs.length > 1) {
      const middle = inputs.length >> 1;
      await consider(inputs.slice(0, middle));
      await consider(inputs.slice(middle));
      return;
    }
    const shortest = await shortened(inputs[0]!, async (shorter) => {
      coverage.reset();
      await run(shorter);
      return coverage.reaches(found);
    });
    coverage.keep(found);
    corpus.push(shortest);
    added += 1;
  };

  // What was loaded counts as reached; then each stored input as far as it adds something.
  coverage.keep(coverage.fresh());
  const seeds = [...storedInputs('corpus', target.name), ...storedInputs('found', target.name)].map(
    ({ bytes }) => bytes,
  );
  for (const bytes of seeds) {
    await runAll(bytes);
    coverage.reset();
    await run(bytes);
    coverage.keep(coverage.fresh());
    corpus.push(bytes);
  }
  if (corpus.length === 0) corpus.push(Buffer.from('0'));
  const mutator = new Mutator(random, target.maxBytes, target.runs ?? RUNS, [
    ...target.words,
    ...textsIn(coverage.files),
  ]);

  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end && faults.size < MAX_FAULTS) {
    const batch: Buffer[] = [];
    const readingMs = coverage.reset();
    const batchEnd = performance.now() + BATCH_SHARE * readingMs;
    do {
      // The newest are likelier: nobody has built on them yet.
      const base = corpus[Math.floor(corpus.length * Math.sqrt(random.next()))]!;
      const input = mutator.mutate(base, random.pick(corpus));
      batch.push(input);
      await runAll(input);
    } while (performance.now() < batchEnd && batch.length < MAX_BATCH);
    const found = coverage.fresh();
    if (found.size === 0) continue;
    await consider(batch);
    // What no input reaches by itself, such as a cache that was full, is not looked for again.
    coverage.keep(found);
  }
  tell();
  return corpus;
}

/**
 * The inputs that together reach nearly all of what they reach, the shortest first: at most `most`, those that add
 * most.
 */
export async function distilled(
  target: Target,
  coverage: Coverage,
  inputs: readonly Buffer[],
  most: number,
  tick: () => void,
): Promise<Buffer[]> {
  const seen = new Map<string, Set<number>>();
  const kept: { readonly bytes: Buffer; readonly adds: number }[] = [];
  for (const bytes of [...inputs].sort((a, b) => a.length - b.length)) {
    tick();
    coverage.reset();
    await judge(target, bytes).catch(() => undefined);
    const reached: Reached = coverage.latest();
    let adds = 0;
    for (const [url, positions] of reached) {
      const known = seen.get(url) ?? new Set();
      seen.set(url, known);
      for (const at of positions) {
        if (!known.has(at)) adds += 1;
        known.add(at);
      }
    }
    if (adds > 0) kept.push({ bytes, adds });
  }
  return kept
    .sort((a, b) => b.adds - a.adds)
    .slice(0, most)
    .map(({ bytes }) => bytes);
}

/** A message without what differs from input to input. */
function kindOf(message: string): string {
  return message
    .split('\n', 1)[0]!
    .replaceAll(/\d+/g, '0')
    .replaceAll(/"[^"]*"|'[^']*'/g, '""')
    .slice(0, 80);
}

/** Takes pieces out of an input, halves first, as long as `holds` says that it is still worth the same. */
async function shortened(bytes: Buffer, holds: (shorter: Buffer) => Promise<boolean>): Promise<Buffer> {
  let best = bytes;
  let left = MAX_SHORTENING;
  for (let size = best.length >> 1; size >= 1 && left > 0; size >>= 1) {
    for (let at = 0; at + size <= best.length && left > 0; left -= 1) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (await holds(shorter)) best = shorter;
      else at += size;
    }
  }
  return best;
}

/** Short texts in quotes in these files: words with a meaning to them. */
function textsIn(files: readonly string[]): string[] {
  const found = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/'([^'\\\n]+)'/g)].map(([, text]) => text!),
  );
  return [...new Set(found)].filter((text) => text.length <= MAX_WORD_LENGTH && !text.includes('/'));
}
