import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PRESETS } from '../../src/flows/presets.ts';
import { freshFolder } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

describe('tokenward init', () => {
  const folder = freshFolder();
  const file = (): string => join(folder(), 'proxy.config.yaml');
  /** The variables that the file asks for, each with a value. */
  const variables = (): Record<string, string> =>
    Object.fromEntries(
      [...readFileSync(file(), 'utf8').matchAll(/^ +\w+: "\$\{(\w+)\}"$/gm)].map(([, name]) => [name!, 'value']),
    );

  for (const flow of [...Object.keys(PRESETS), 'own', 'yookassa']) {
    it(`writes a configuration that check accepts, of the flow ${flow}`, async function () {
      requireBuild(this);
      const args = ['init', ...(flow === 'own' ? [] : ['--flow', flow])];
      const { code, stdout, stderr } = await run(args, { cwd: folder() });
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^Wrote proxy\.config\.yaml\. Next:\n/);
      assert.equal(statSync(file()).mode & 0o777, 0o600);
      const checked = await run(['check'], { cwd: folder(), env: variables() });
      assert.deepEqual([checked.code, checked.stderr], [0, '']);
      for (const name of Object.keys(variables())) assert.ok(stdout.includes(`export ${name}=`), name);
    });
  }

  it('overwrites nothing without --force', async function () {
    requireBuild(this);
    writeFileSync(file(), 'mine');
    const refused = await run(['init'], { cwd: folder() });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^tokenward: proxy\.config\.yaml is there already; --force overwrites it\./);
    assert.equal(readFileSync(file(), 'utf8'), 'mine');
    assert.equal((await run(['init', '--force'], { cwd: folder() })).code, 0);
    assert.notEqual(readFileSync(file(), 'utf8'), 'mine');
  });

  it('takes name and upstream, and prints to standard output with -o -', async function () {
    requireBuild(this);
    const args = ['init', '--name', 'shop', '--upstream', 'https://shop.example/v2', '-o', '-'];
    const { code, stdout } = await run(args, { cwd: folder() });
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}- prefix: \/shop\n {4}upstream: https:\/\/shop\.example\/v2\n {4}account: shop$/m);
  });

  it('names the flow that was meant, and refuses what is no name or URL', async function () {
    requireBuild(this);
    for (const [args, message] of [
      [['--flow', 'chatap'], 'no flow has this name; did you mean "chatapp"?'],
      [['--name', 'a b'], '--name must be a name of letters, digits, ".", "_" and "-".'],
      [['--upstream', 'shop.example'], '--upstream must be a URL such as https://api.example.com.'],
    ] as const) {
      const { code, stderr } = await run(['init', ...args], { cwd: folder() });
      assert.deepEqual([code, stderr], [2, `tokenward: ${message} Try: tokenward init --help\n`]);
    }
  });
});
