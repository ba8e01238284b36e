import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { COMMANDS } from '../../src/cli/commands.ts';
import { OPTIONS } from '../../src/cli/options.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

describe('tokenward --help', () => {
  for (const args of [['--help'], ['-h'], ['help'], ['serve', '--help']]) {
    it(`is shown by: ${args.join(' ')}`, async function () {
      requireBuild(this);
      const { code, stdout, stderr } = await run(args);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^tokenward \d+\.\d+\.\d+ /);
    });
  }

  it('names every command and every option, and no others', async function () {
    requireBuild(this);
    const { stdout } = await run(['--help']);
    assert.ok(
      ['check', 'hash-key', 'renew', 'sandbox', 'schema', 'serve', 'status'].every((command) => COMMANDS.has(command)),
    );
    assert.deepEqual(
      [...stdout.matchAll(/^ {2}([a-z][\w-]*) {2,}\S/gm)].map(([, name]) => name!).sort(),
      [...COMMANDS.keys()].sort(),
    );
    assert.deepEqual(
      [...stdout.matchAll(/^ {2}.{4}--([\w-]+)/gm)].map(([, name]) => name!).sort(),
      Object.keys(OPTIONS).sort(),
    );
  });
});

describe('tokenward --version', () => {
  for (const args of [['--version'], ['-v']]) {
    it(`is the package's: ${args.join(' ')}`, async function () {
      requireBuild(this);
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
      assert.deepEqual(await run(args), { code: 0, stdout: `${version}\n`, stderr: '' });
    });
  }
});
