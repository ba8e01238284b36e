import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { startRedis } from '../support/redis.ts';
import { run } from '../support/process.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

const PAGE = readFileSync('docs/redis.md', 'utf8');
const SETTINGS = [...PAGE.matchAll(/```conf\n([\s\S]*?)```/g)].flatMap(([, block]) =>
  block!
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string]),
);

// That the ACL rule is enough, test/tokens/redis-access.test.ts shows.
describe('docs/redis.md', () => {
  it('recommends settings that Redis takes', async function () {
    assert.ok(SETTINGS.length >= 5);
    const server = await startRedis(requireTool(this, 'redis-server'));
    try {
      for (const [name, value] of SETTINGS) {
        await server.command('CONFIG', 'SET', name, value);
        assert.deepEqual(await server.command('CONFIG', 'GET', name), [name, value]);
      }
    } finally {
      await server.stop();
    }
  });

  it('names settings of the store that there are', () => {
    const manual = readFileSync('proxy.config.yaml', 'utf8');
    const names = [...PAGE.matchAll(/`store\.(\w+)/g)].map(([, name]) => name!);
    assert.ok(names.length > 4);
    for (const name of new Set(names)) assert.match(manual, new RegExp(`^#? +#?${name}:`, 'm'), name);
  });

  it('gives commands and options that there are, and links to files that exist', async function () {
    requireBuild(this);
    const commands = [...PAGE.matchAll(/^tokenward (.+)$/gm)].map(([, text]) => text!);
    assert.ok(commands.length >= 2);
    for (const text of commands) {
      const words = text.split(' ');
      const name = words.slice(
        0,
        words.findIndex((word) => word.startsWith('-')),
      );
      const { code, stdout } = await run([...name, '--help']);
      assert.equal(code, 0, text);
      for (const option of text.match(/--[\w-]+/g) ?? []) assert.ok(stdout.includes(option), `${text}: ${option}`);
    }
    const scripts = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }).scripts;
    for (const [, script] of PAGE.matchAll(/`npm run ([\w:]+)`/g)) assert.ok(scripts[script!] !== undefined, script);
    for (const [, link] of PAGE.matchAll(/\]\(\.\.\/([^)#]+)\)/g)) assert.ok(existsSync(link!), link);
  });
});
