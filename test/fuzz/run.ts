import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../harness/program.ts';
import { Tally } from '../harness/tally.ts';
import type { Message } from './child.ts';
import { storeInput } from './engine/corpus.ts';
import type { Progress } from './engine/loop.ts';
import { HELP, parseOptions, type Options } from './options.ts';

/** Silence after which a process hangs in one input: it speaks every second. ms. */
const MAX_SILENCE_MS = 30_000;
/** Inputs are small, so whoever needs more makes too much of one. MiB. */
const MAX_HEAP_MB = 512;
const MAX_SHOWN = 2_000;
const MAX_LINES = 12;

const folder = mkdtempSync(join(tmpdir(), 'tokenward-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Fuzzes one target in a process of its own; what is wrong, if anything. */
async function fuzzTarget(name: string, { seconds, seed, keep }: Options): Promise<string | undefined> {
  const currentFile = join(folder, name);
  const child = fork(
    fileURLToPath(new URL('child.ts', import.meta.url)),
    [name, String(seconds), String(seed), keep ? 'keep' : '', currentFile],
    { execArgv: ['--import=tsx', `--max-old-space-size=${MAX_HEAP_MB}`] },
  );
  const stop = (): void => void child.kill('SIGKILL');
  process.once('exit', stop);
  const wrong: string[] = [];
  let progress: Progress | undefined;
  let kept: number | undefined;
  let hung = false;
  let timer: NodeJS.Timeout | undefined;
  const watch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      hung = true;
      stop();
    }, MAX_SILENCE_MS);
  };
  watch();
  child.on('message', (message: Message) => {
    watch();
    if (message.kind === 'progress') progress = message;
    else if (message.kind === 'done') kept = message.kept;
    else if (message.kind === 'fault') {
      const lines = message.message.split('\n').slice(0, MAX_LINES).join('\n    ');
      console.log(`  ${name}: ${lines}\n    ${message.file}\n    ${message.bytes.slice(0, MAX_SHOWN)}`);
      wrong.push(message.message.split('\n', 1)[0]!);
    }
  });
  const code = await new Promise<number | string>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve(exitCode ?? signal ?? 'none'));
  });
  clearTimeout(timer);
  process.off('exit', stop);
  if (kept === undefined) {
    const message = hung ? 'an input that does not end' : `an input that ended the process (${code})`;
    console.log(`  ${name}: ${message}\n    ${storeInput('found', name, lastInput(currentFile))}`);
    wrong.push(message);
  }
  if (progress !== undefined) {
    const { executions, inputs, added, covered } = progress;
    console.log(
      `  ${name}: ${executions} executions, ${Math.round(executions / seconds)} a second; ${inputs} inputs in the ` +
        `corpus, ${added} of them new; ${(100 * covered).toFixed(1)} % of its code run` +
        (keep ? `; ${kept ?? 0} inputs kept` : ''),
    );
  }
  return wrong.length === 0 ? undefined : wrong.join('; ');
}

function lastInput(file: string): Buffer {
  const written = readFileSync(file);
  return written.subarray(4, 4 + written.readUInt32LE());
}

async function main(options: Options): Promise<number> {
  console.log(
    `${options.targets.length} targets, ${options.seconds} s each, ${options.jobs} at a time, --seed ${options.seed}`,
  );
  const tally = new Tally();
  const waiting = [...options.targets];
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const one = name;
      await tally.attempt(one, async () => tally.count(one, await fuzzTarget(one, options)));
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return tally.close('fuzz');
}

await runProgram('fuzz', HELP, parseOptions, main);
