import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linesOf } from './changed-lines.ts';

describe('the lines that npm run mutate takes of a diff', () => {
  it('are those that were added or changed, and not those that are gone', () => {
    const diff = [
      'diff --git src/a.ts src/a.ts',
      '--- src/a.ts',
      '+++ src/a.ts',
      '@@ -3 +3 @@ function a() {',
      '-old',
      '+new',
      '@@ -10,2 +10,0 @@',
      '-gone',
      '@@ -20,0 +19,4 @@',
      '--- src/b.ts',
      '+++ src/b.ts',
      '@@ -0,0 +1,7 @@',
      '--- src/gone.ts',
      '+++ /dev/null',
      '@@ -1,7 +0,0 @@',
    ].join('\n');
    assert.deepEqual(
      [...linesOf(diff)],
      [
        ['src/a.ts', ['src/a.ts:3-3', 'src/a.ts:19-22']],
        ['src/b.ts', ['src/b.ts:1-7']],
      ],
    );
  });

  it('are shown by options that the command knows', () => {
    const help = execFileSync(process.execPath, ['--import', 'tsx', 'test/mutation/run.ts', '--help'], {
      encoding: 'utf8',
    });
    for (const option of ['recent', 'minutes']) assert.match(help, new RegExp(`--${option} N`));
  });
});
