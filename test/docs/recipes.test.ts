import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Recipes } from '../../src/config/recipes.ts';
import { headOf } from '../recipes/head.ts';

const PAGE = readFileSync('docs/recipes/README.md', 'utf8');
const recipes = new Recipes();
const NAMES = recipes.names;

describe('docs/recipes', () => {
  it('has a row for every recipe, and says there what the file says', () => {
    const rows = [...PAGE.matchAll(/^\| \[[\w-]+\]\(\.\.\/\.\.\/flows\/.*$/gm)].map(([row]) => row);
    const wanted = NAMES.map((name) => {
      const { api, login, source, date } = headOf(name);
      const credentials = Object.entries(recipes.get(name)!.credentials)
        .map(([credential, need]) => (need === 'required' ? `\`${credential}\`` : `(\`${credential}\`)`))
        .join(', ');
      const link = `[${name}](../../flows/${name}.yaml)`;
      return `| ${[link, api, login, credentials, `[${source.title}](${source.url})`, date].join(' | ')} |`;
    });
    assert.deepEqual(rows, wanted);
  });

  it('says of NTLM, Kerberos, WS-Security and SAML that they are left out', () => {
    const [, leftOut = ''] = PAGE.split('## What is left out, and why');
    for (const word of ['NTLM', 'Kerberos', 'WS-Security', 'SAML']) assert.ok(leftOut.includes(word), word);
  });

  it('goes into the package, and so do the recipes', () => {
    const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
    for (const name of ['flows', 'docs']) assert.ok(files.includes(name), name);
  });

  it('names recipes that exist', () => {
    for (const [, name] of PAGE.matchAll(/flow: ([\w-]+)|extends: ([\w-]+)/g))
      if (name !== undefined) assert.ok(NAMES.includes(name), name);
  });
});

describe('the file of a recipe', () => {
  for (const name of NAMES)
    it(`has a head with its source and date, and no mistake: ${name}`, () => {
      const { source, date, upstream } = headOf(name);
      assert.match(source.url, /^https:\/\/[a-z0-9.-]+\/\S+$|^https:\/\/apidoc\.cdek\.ru\/$/);
      assert.match(date, /^20\d\d-\d\d-\d\d$/);
      assert.match(upstream, /^https:\/\/\S+$/);
      const flow = recipes.get(name);
      assert.deepEqual(recipes.issues, []);
      // A flow with a login must know how its token is rejected, or nothing ever heals.
      if (flow!.login !== undefined || flow!.refresh !== undefined) assert.ok(flow!.invalid.length > 0);
      // Secrets stay outside, and nothing expands ${…} in these files.
      assert.ok(!readFileSync(`flows/${name}.yaml`, 'utf8').includes('${'));
    });

  it('has lines of at most 120 characters, but for addresses', () => {
    for (const name of NAMES)
      for (const line of readFileSync(`flows/${name}.yaml`, 'utf8').split('\n'))
        assert.ok(line.length <= 120 || /^# +https:\/\//.test(line), `${name}: ${line}`);
  });
});
