import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/proxy.ts';
import { judgeFlaky, lineFor, parseRecord, type RecordedRun } from './flaky.ts';

const run = (...names: string[]): RecordedRun => ({ date: '2026-11-01', commit: 'abc1234', names });
const quiet = (count: number): RecordedRun[] => Array.from({ length: count }, () => run());

describe('tests and suites that needed a second try', () => {
  it('pass when there are none', () => {
    assert.deepEqual(judgeFlaky([], [run('a')]), { lines: ['needed a second try: 0'], failed: false });
  });

  it('pass once, and are named', () => {
    const { lines, failed } = judgeFlaky(['b', 'a'], [run('c')]);
    assert.equal(failed, false);
    assert.deepEqual(lines, ['needed a second try: 2', '  first time  a', '  first time  b']);
  });

  it('fail when the same one did within the last ten runs', () => {
    const { lines, failed } = judgeFlaky(['a', 'b'], [run('a'), ...quiet(9)]);
    assert.equal(failed, true);
    assert.match(lines.join('\n'), /AGAIN {7}a \(2026-11-01, abc1234\)\n {2}first time {2}b\n {2}WRONG {2}1 of them/);
  });

  it('pass when it was longer ago', () => {
    assert.equal(judgeFlaky(['a'], [run('a'), ...quiet(10)]).failed, false);
  });

  it('fail when there are more than five, whatever came before', () => {
    assert.equal(judgeFlaky(['a', 'b', 'c', 'd', 'e'], []).failed, false);
    assert.match(judgeFlaky(['a', 'b', 'c', 'd', 'e', 'f'], []).lines.at(-1)!, /WRONG {2}more than 5/);
  });

  it('count once in a run that has them twice: two versions of Node on one busy machine are one piece of bad luck', () => {
    assert.equal(judgeFlaky(['a', 'a', 'a', 'a', 'a', 'a'], []).failed, false);
    assert.deepEqual(parseRecord(`[${lineFor(run('b', 'a', 'a'))}]`), [run('a', 'b')]);
  });

  it('are not excused by a record that cannot be read', () => {
    assert.throws(() => parseRecord('[{"date":"2026-11-01"}]'), /entry 1 is not/);
    assert.throws(() => parseRecord('{}'), /not a list/);
    assert.doesNotThrow(() => parseRecord(readFileSync(new URL('../flaky.json', import.meta.url), 'utf8')));
  });

  it('are judged by the program that .ci/run calls: its exit code, and the line to add', () => {
    const folder = temporaryFolder();
    const file = join(folder, 'names');
    const program = [...process.execArgv, '--import=tsx', fileURLToPath(new URL('flaky.ts', import.meta.url)), file];
    try {
      writeFileSync(file, 'a\na\n');
      const said = execFileSync(process.execPath, program, { encoding: 'utf8' });
      assert.match(
        said,
        /^needed a second try: 1\n {2}first time {2}a\n {2}to record this run, .*"names":\["a"\]\}\n$/,
      );
      writeFileSync(file, 'a\nb\nc\nd\ne\nf\n');
      assert.equal(spawnSync(process.execPath, program).status, 1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
