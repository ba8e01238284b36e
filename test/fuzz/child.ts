import { openSync, rmSync, writeSync } from 'node:fs';
import { MAX_STORED, MAX_STORED_BYTES, storedInputs, storeInput } from './engine/corpus.ts';
import { Coverage } from './engine/coverage.ts';
import { distilled, fuzz, type Progress } from './engine/loop.ts';
import { TARGETS } from './targets/all.ts';
import { COVERS } from './targets/covers.ts';

/*
 * The fuzzing of one target, in a process of its own that may hang or die: before each run, the input is written to a
 * file, where run.ts finds it then.
 */

/** What the process tells run.ts. */
export type Message =
  | { readonly kind: 'alive' }
  | ({ readonly kind: 'progress' } & Progress)
  | { readonly kind: 'fault'; readonly message: string; readonly file: string; readonly bytes: string }
  | { readonly kind: 'done'; readonly kept: number };

const [name = '', seconds = '', seed = '', keep = '', currentFile = ''] = process.argv.slice(2);

const current = openSync(currentFile, 'w');
/** The length, and then the bytes: what an earlier, longer input has left behind them does not matter. */
const length = Buffer.alloc(4);
const tell = (message: Message): void => void process.send?.(message);

// Thousands of refusals a second, and nobody reads where they came from.
Error.stackTraceLimit = 0;

const coverage = new Coverage(COVERS[name]!);
const target = await TARGETS[name]!();
const corpus = await fuzz(
  target,
  coverage,
  { seconds: Number(seconds), seed: Number(seed) },
  {
    before(bytes) {
      length.writeUInt32LE(bytes.length);
      writeSync(current, length, 0, length.length, 0);
      writeSync(current, bytes, 0, bytes.length, length.length);
    },
    progress: (now) => tell({ kind: 'progress', ...now }),
    fault: ({ message, bytes }) =>
      tell({
        kind: 'fault',
        message,
        file: storeInput('found', name, bytes),
        bytes: JSON.stringify(bytes.toString('latin1')),
      }),
  },
);
let kept = 0;
if (keep === 'keep') {
  const short = corpus.filter((bytes) => bytes.length <= MAX_STORED_BYTES);
  const inputs = await distilled(target, coverage, short, MAX_STORED, () => tell({ kind: 'alive' }));
  for (const { file } of storedInputs('corpus', name)) rmSync(file);
  for (const bytes of inputs) storeInput('corpus', name, bytes);
  kept = inputs.length;
}
tell({ kind: 'done', kept });
// Servers and timers of a target may still be there.
setImmediate(() => process.exit(0));
