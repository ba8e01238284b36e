import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { commandLine } from '../../src/cli/command-line.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

/** Every command, with those above it: `flow try`. */
function paths(command: Command, above: readonly string[] = []): string[][] {
  return command.commands.flatMap((one) => {
    const path = [...above, one.name()];
    return [path, ...paths(one, path)];
  });
}

describe('tokenward --help', () => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    it(`is shown by: ${args.join(' ')}`, async function () {
      requireBuild(this);
      const { code, stdout, stderr } = await run(args);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^Usage: tokenward <command> \[options\]\n/);
    });
  }

  it('names every command, and no others', async function () {
    requireBuild(this);
    const { stdout } = await run(['--help']);
    assert.deepEqual(
      [...stdout.matchAll(/^ {2}([a-z][\w-]*) {2,}\S/gm)].map(([, name]) => name!).sort(),
      commandLine()
        .commands.map((command) => command.name())
        .sort(),
    );
  });

  for (const path of paths(commandLine())) {
    it(`of each command has its own options: ${path.join(' ')}`, async function () {
      requireBuild(this);
      const byOption = await run([...path, '--help']);
      const byCommand = await run(['help', ...path]);
      assert.deepEqual([byOption.code, byOption.stderr], [0, '']);
      assert.equal(byCommand.stdout, byOption.stdout);
      assert.match(byOption.stdout, new RegExp(`^Usage: tokenward ${path.join(' ')} `));
      const command = path.reduce<Command>(
        (at, name) => at.commands.find((one) => one.name() === name)!,
        commandLine(),
      );
      assert.deepEqual(
        [...byOption.stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag!),
        [...command.options.map(({ long }) => long!), '--help'],
      );
    });
  }
});

describe('tokenward --version', () => {
  for (const args of [['--version'], ['-v'], ['version']]) {
    it(`is the package's: ${args.join(' ')}`, async function () {
      requireBuild(this);
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
      assert.deepEqual(await run(args), { code: 0, stdout: `${version}\n`, stderr: '' });
    });
  }
});
