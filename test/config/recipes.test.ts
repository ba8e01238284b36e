import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, parseConfig, showIssue, type LoadedConfig } from '../../src/config/load.ts';
import { Recipes } from '../../src/config/recipes.ts';
import { load, said, smallest } from '../support/config.ts';
import { freshFolder, writeConfig } from '../support/files.ts';

const shop = (flow: string, credentials = '{ key: a-key-of-ours }'): string =>
  [
    'accounts:',
    `  shop: { flow: ${flow}, credentials: ${credentials} }`,
    'routes:',
    '  - { prefix: /shop, upstream: https://shop.example, account: shop }',
  ].join('\n');
const GOOD = 'credentials: { key: required }\nattach: { header: X-Key, value: "{key}" }\n';

describe('a recipe', () => {
  const folder = freshFolder();
  const write = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder(), name), text);
  };
  const loaded = (text: string): LoadedConfig => parseConfig(text, {}, 'test.yaml', new Recipes(folder()));
  const wrong = (text: string): string[] => {
    try {
      loaded(text);
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      return error.issues.map(showIssue);
    }
    return assert.fail('the configuration was accepted');
  };

  it('is a flow that an account names, and the only one whose file is read', () => {
    write({ 'key-shop.yaml': GOOD, 'other.yaml': 'attach: [' });
    const { flowOf, knownFlows, recipes } = loaded(shop('key-shop'));
    assert.deepEqual(flowOf.get('shop')!.attach, [{ header: 'X-Key', value: '{key}' }]);
    assert.deepEqual([knownFlows.has('key-shop'), knownFlows.has('other'), [...recipes]], [true, false, ['key-shop']]);
    assert.deepEqual([...loaded(smallest({})).recipes], []);
  });

  it('is found by accountFrom, by accounts in other files, and by a flow that extends it', () => {
    write({ 'key-shop.yaml': GOOD });
    const lines = join(folder(), 'accounts.jsonl');
    writeFileSync(lines, '{"name":"one","flow":"key-shop","credentials":{"key":"a-key-of-ours"}}\n');
    const from = `accountsFrom: { file: ${JSON.stringify(lines)} }\nroutes:\n  - { prefix: /a, upstream: https://a.example, accountFrom: { flow: key-shop, header: X-Account } }`;
    assert.ok(loaded(from).knownFlows.has('key-shop'));
    const own = `flows: { mine: { extends: key-shop, attach: { query: key, value: "{key}" } } }\n${shop('mine')}`;
    const { flowOf, recipes } = loaded(own);
    assert.deepEqual(flowOf.get('shop')!.attach, [{ query: 'key', value: '{key}' }]);
    assert.deepEqual([...recipes], ['key-shop']);
  });

  it('gives way to a preset and to a flow of the configuration, which may extend it under its own name', () => {
    write({ 'static.yaml': GOOD, 'key-shop.yaml': GOOD });
    assert.deepEqual(loaded(smallest({})).flowOf.get('shop')!.credentials, { token: 'required' });
    const own = `flows: { key-shop: { extends: key-shop, lifetime: 5 } }\n${shop('key-shop')}`;
    const { flowOf, recipes } = loaded(own);
    assert.deepEqual([flowOf.get('shop')!.lifetime, [...recipes]], [5, []]);
  });

  it('may extend a preset or another recipe', () => {
    write({ 'a.yaml': 'extends: b\nlifetime: 60\n', 'b.yaml': 'extends: static\nrenew: on-demand\n' });
    const flow = loaded(shop('a', '{ token: t }')).flowOf.get('shop')!;
    assert.deepEqual([flow.lifetime, flow.renew, flow.credentials], [60, 'on-demand', { token: 'required' }]);
  });

  it('has its mistakes told once, with its own file and line, whoever names it', () => {
    write({
      'broken.yaml': '# A comment.\ncredentials: { key: required }\nattach:\n  header: X-Key\n  valeu: "{key}"\n',
    });
    const where = join(folder(), 'broken.yaml');
    const mistakes = [`${where}, line 5: attach.valeu: unknown key; did you mean "value"?`];
    assert.deepEqual(wrong(shop('broken')), mistakes);
    assert.deepEqual(wrong(`flows: { mine: { extends: broken } }\n${shop('mine')}`), mistakes);
    write({ 'names.yaml': 'credentials: { key: required }\nattach: { header: X-Key, value: "{kye}" }\n' });
    assert.match(wrong(shop('names'))[0]!, /names\.yaml, line 2: attach: this flow has no credential \{kye\}/);
    write({ 'syntax.yaml': 'attach: [' });
    assert.match(wrong(shop('syntax'))[0]!, /syntax\.yaml, line 1: not well-formed YAML/);
    write({ 'child.yaml': 'extends: broken\nlifetime: 5\n' });
    assert.deepEqual(wrong(shop('child')), mistakes);
  });

  it('cannot extend itself, in a circle, or what there is not', () => {
    write({ 'a.yaml': 'extends: b\n', 'b.yaml': 'extends: a\n', 'c.yaml': 'extends: statik\n' });
    assert.deepEqual(wrong(shop('a')), [
      `${join(folder(), 'b.yaml')}, line 1: extends: goes in a circle: a extends b extends a`,
    ]);
    assert.match(wrong(shop('c'))[0]!, /c\.yaml, line 1: extends: no flow has this name; did you mean "static"\?/);
  });

  it('is suggested for a name that is nearly its own, and leads to no other folder', () => {
    write({ 'key-shop.yaml': GOOD });
    assert.match(wrong(shop('key-shpo'))[0]!, /did you mean "key-shop"\?; known: softline, .*, and the recipes of/);
    for (const name of ['../flows/key-shop', 'key-shop.yaml', 'KEY-SHOP', './key-shop'])
      assert.match(wrong(shop(name))[0]!, /no flow has this name/, name);
  });

  it('of the program is found from the source', () => {
    const names = new Recipes().names;
    assert.ok(names.length >= 30, String(names.length));
    assert.match(said(shop('salesforce-jtw'))[0]!, /did you mean "salesforce-jwt"\?/);
    assert.ok(load(shop('yookassa', '{ shopId: "1", secretKey: live_x }')).recipes.has('yookassa'));
  });

  it('of the program is found by the built program, whose check says that it is one', () => {
    const file = writeConfig(folder(), {
      store: { type: 'embedded', path: join(folder(), 'data') },
      accounts: { pay: { flow: 'yookassa', credentials: { shopId: '1', secretKey: 'live_x' } } },
      routes: [{ prefix: '/pay', upstream: 'https://api.yookassa.ru', account: 'pay' }],
    });
    const { stdout, status } = spawnSync(process.execPath, ['dist/main.js', 'check', '-c', file], { encoding: 'utf8' });
    assert.deepEqual([status, /as pay \(recipe yookassa\)/.test(stdout)], [0, true], stdout);
  });
});
