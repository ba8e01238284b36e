import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { withReference } from '../../tools/cli-reference.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const PAGE = readFileSync('docs/cli.md', 'utf8');

describe('docs/cli.md', () => {
  it('has every command, argument, option and exit code as the code has them (npm run docs:cli)', () => {
    assert.equal(PAGE, withReference(PAGE));
  });

  it('has the exit codes that the help has', async function () {
    requireBuild(this);
    const { stdout } = await run(['--help']);
    for (const [code, meaning] of Object.entries(EXIT_CODES)) {
      assert.ok(stdout.includes(`  ${code}  ${meaning}\n`));
      assert.ok(PAGE.includes(`| ${code} | ${meaning} |`));
    }
  });

  it('explains every code of an issue, and no others', () => {
    const [, list] = /type IssueCode =([^;]*);/.exec(readFileSync('src/config/issues.ts', 'utf8'))!;
    const [, table] = /\| Code \| Meaning \|\n\|---\|---\|\n((?:\| `\w+` \|.*\n)+)/.exec(PAGE)!;
    assert.deepEqual(
      [...table!.matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code!).sort(),
      [...list!.matchAll(/'(\w+)'/g)].map(([, code]) => code!).sort(),
    );
  });
});
