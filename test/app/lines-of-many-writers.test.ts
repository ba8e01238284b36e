import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshFolder } from '../support/files.ts';

/** Writes so many lines of this length to its standard output, and prints on standard error how many it dropped. */
const PROGRAM = (name: string, lines: number, length: number): string => `
  import { LineWriter } from './src/line-writer.ts';
  const writer = new LineWriter(1);
  let dropped = 0;
  for (let i = 0; i < ${lines}; i += 1) {
    if (!writer.write(\`${name} \${i} \`.padEnd(${length - 1}, 'x') + '\\n')) dropped += 1;
    if (i % 500 === 0) await new Promise(setImmediate);
  }
  const from = performance.now();
  await writer.close();
  process.stderr.write(JSON.stringify({ dropped, closedMs: performance.now() - from }));
  process.exit(0);
`;

function start(code: string, stdout: number | 'pipe'): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['--import', 'tsx', '--input-type', 'module', '-e', code], {
    stdio: ['ignore', stdout, 'pipe'],
  });
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('latin1');
}

describe('lines that are written in the background', function () {
  this.timeout(30_000);
  const folder = freshFolder();

  it('stay whole and in order where several processes write to one pipe', async () => {
    const shell = spawn('sh', ['-c', '"$0" --import tsx --input-type module -e "$1" & "$0" --import tsx --input-type module -e "$2"; wait', process.execPath, PROGRAM('one', 4_000, 700), PROGRAM('two', 4_000, 555)]); // prettier-ignore
    const text = textOf(shell.stdout);
    await new Promise((resolve) => shell.on('close', resolve));
    const lines = text().trimEnd().split('\n');
    assert.equal(lines.length, 8_000);
    for (const [name, length] of [
      ['one', 699],
      ['two', 554],
    ] as const) {
      const own = lines.filter((line) => line.startsWith(`${name} `));
      assert.deepEqual(own.map((line) => Number(line.split(' ')[1])), Array.from({ length: 4_000 }, (_, at) => at)); // prettier-ignore
      assert.ok(own.every((line) => line.length === length));
    }
  });

  it('are dropped when nobody reads, hold nothing up, and the end waits for a second at most', async () => {
    const child = start(PROGRAM('one', 20_000, 1_000), 'pipe');
    const told = textOf(child.stderr!);
    await new Promise((resolve) => child.on('exit', resolve));
    const { dropped, closedMs } = JSON.parse(told()) as { dropped: number; closedMs: number };
    assert.ok(dropped > 14_000 && dropped < 16_500, `${dropped} dropped`);
    assert.ok(closedMs < 2_000, `${closedMs} ms`);
    child.stdout!.destroy();
  });

  it('reach a file, and those that are left when the process exits as well', async () => {
    const file = join(folder(), 'access.log');
    const code = PROGRAM('one', 1_000, 300).replace(
      'await writer.close();',
      "process.on('exit', () => writer.writeRest());",
    );
    const child = start(code, openSync(file, 'a'));
    await new Promise((resolve) => child.on('exit', resolve));
    await sleep(50);
    assert.equal(readFileSync(file, 'latin1').trimEnd().split('\n').length, 1_000);
  });
});
