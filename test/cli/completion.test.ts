import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from '../../src/cli/command-line.ts';
import { freshFolder } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

describe('tokenward completion', () => {
  const folder = freshFolder();

  it('completes commands, their commands and their options in bash', async function () {
    requireBuild(this);
    const bash = requireTool(this, 'bash');
    const script = join(folder(), 'completion.bash');
    writeFileSync(script, (await run(['completion', 'bash'])).stdout);
    const complete = (...words: string[]): string[] =>
      execFileSync(
        bash,
        [
          '-c',
          'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tokenward; echo "${COMPREPLY[@]}"',
          script,
          ...words,
        ],
        { encoding: 'utf8' },
      )
        .trim()
        .split(' ');
    assert.deepEqual(complete('tokenward', 'sta'), ['status']);
    assert.deepEqual(complete('tokenward', 'flow', ''), ['try', 'new']);
    assert.deepEqual(complete('tokenward', 'flow', 'try', 'crm', '--dr'), ['--dry-run']);
    assert.deepEqual(complete('tokenward', 'status', '--fa'), ['--fail']);
    assert.deepEqual(complete('tokenward', 'check', '--fa'), ['']);
    assert.deepEqual(
      complete('tokenward', '').sort(),
      commandLine()
        .commands.map((one) => one.name())
        .sort(),
    );
  });

  for (const shell of ['zsh', 'fish']) {
    it(`is a script that ${shell} reads`, async function () {
      requireBuild(this);
      const script = join(folder(), shell);
      const { stdout } = await run(['completion', shell]);
      for (const { long } of commandLine().commands.flatMap(({ options }) => options))
        assert.ok(stdout.includes(long!.slice(2)), long);
      writeFileSync(script, stdout);
      execFileSync(requireTool(this, shell), ['-n', script]);
    });
  }
});
