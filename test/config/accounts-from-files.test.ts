import assert from 'node:assert/strict';
import { join } from 'node:path';
import { findAccount } from '../../src/config/load.ts';
import { load, said, smallest, errorOf } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';
import { staticAccount, writeFolder, writeLines } from '../support/account-files.ts';

const withFile = (file: string): string => smallest({ top: `accountsFrom: { file: ${JSON.stringify(file)} }` });
const withFolder = (directory: string): string =>
  smallest({ top: `accountsFrom: { directory: ${JSON.stringify(directory)} }` });

describe('accounts of a folder', () => {
  const folder = freshFolder();

  it("are those of all its YAML and JSON files, beside the configuration's own", () => {
    const directory = writeFolder(folder(), {
      'a.yaml':
        'one: { flow: static, credentials: { token: "${TOKEN}" } }\ntwo: { flow: chatapp, credentials: { email: a, password: b, appId: c }, lifetime: 60 }',
      'b.json': JSON.stringify({ three: staticAccount('three') }),
      '.hidden.yaml': 'no: yaml: at all',
      'README.md': 'nor this',
    });
    const config = load(withFolder(directory), { TOKEN: 'from the environment' });
    assert.deepEqual(Object.keys(config.accounts), ['shop', 'one', 'two', 'three']);
    assert.equal(config.accounts['one']!.credentials['token'], 'from the environment');
    assert.equal(findAccount(config, 'two')!.flow.lifetime, 60);
    assert.equal(findAccount(config, 'four'), undefined);
  });

  it('have all their mistakes told with file and line', () => {
    const directory = writeFolder(folder(), {
      'a.yaml': 'one:\n  flow: statik\ntwo:\n  flow: static\n  credentials: { tokn: x }\n',
      'b.yaml': 'shop: { flow: static, credentials: { token: x } }\nthree: [',
      'c.yaml':
        'shop: { flow: static, credentials: { token: x } }\nfour:\n  flow: chatapp\n  credentials: { email: a, password: 0123, appId: c }\n  baseURL: http://x.example',
    });
    const { message } = errorOf(withFolder(directory));
    for (const line of [
      `  ${join(directory, 'a.yaml')}, line 2: one.flow: no flow has this name; did you mean "static"?; known: softline, chatapp, twin, oauth2, oauth2-refresh, static, and the recipes of docs/recipes`,
      `  ${join(directory, 'a.yaml')}, line 5: two.credentials: token is missing`,
      `  ${join(directory, 'a.yaml')}, line 5: two.credentials.tokn: unknown key; did you mean "token"?`,
      `  ${join(directory, 'b.yaml')}, line 2: not well-formed YAML or JSON`,
      `  ${join(directory, 'c.yaml')}, line 1: shop: an account with this name exists in the configuration already`,
      `  ${join(directory, 'c.yaml')}, line 4: four.credentials.password: must be text: put quotes around it`,
      `  ${join(directory, 'c.yaml')}, line 5: four.baseURL: unknown key; did you mean "baseUrl"?`,
    ])
      assert.ok(message.includes(line), `${line}\nis not in\n${message}`);
  });

  it('that is not there is a mistake', () => {
    assert.deepEqual(said(withFolder(join(folder(), 'none'))), ['the folder cannot be read (ENOENT)']);
  });
});

describe('accounts of a generated file', () => {
  const folder = freshFolder();

  it('are found by name, each with its own credentials and overrides', () => {
    const file = writeLines(folder(), [
      { name: 'one', ...staticAccount('one') },
      '',
      {
        name: 'two',
        flow: 'chatapp',
        baseUrl: 'http://x.example',
        credentials: { email: 'a', password: '${PASSWORD}', appId: 'c' },
      },
      { name: 'three', flow: 'oauth2', credentials: { tokenUrl: 'https://login.example/token', clientId: 'x' } },
    ]);
    const config = load(withFile(file), { PASSWORD: 'from the environment' });
    assert.deepEqual(Object.keys(config.accounts), ['shop']);
    assert.deepEqual([...config.generated.byName.keys()], ['one', 'two', 'three']);
    assert.equal(findAccount(config, 'one')!.settings.credentials['token'], 'token-of-one');
    assert.deepEqual(
      [findAccount(config, 'two')!.flow.baseUrl, findAccount(config, 'two')!.settings.credentials['password']],
      ['http://x.example', 'from the environment'],
    );
    assert.equal(findAccount(config, 'constructor'), undefined);
  });

  for (const [what, line, message] of [
    ['is no JSON', '{"name":', 'not one JSON object'],
    ['has no name', { flow: 'static', credentials: { token: 'x' } }, 'name: is missing'],
    [
      'has a name that is none',
      { name: 'a b', ...staticAccount('x') },
      'name: must be a name of letters, digits, ".", "_" and "-", at most 100 characters',
    ],
    [
      'has the name of an account of the configuration',
      { name: 'shop', ...staticAccount('x') },
      'name: an account with this name exists already',
    ],
    [
      'has the name of an earlier line',
      { name: 'good', ...staticAccount('x') },
      'name: an account with this name exists already',
    ],
    [
      'names no flow that there is',
      { name: 'x', flow: 'statik' },
      'flow: no flow has this name; did you mean "static"?; known: softline, chatapp, twin, oauth2, oauth2-refresh, static, and the recipes of docs/recipes',
    ],
    ['lacks its flow', { name: 'x' }, 'flow: is missing'],
    ['lacks a credential', { name: 'x', flow: 'static', credentials: {} }, 'credentials: token is missing'],
    [
      'has an empty credential',
      { name: 'x', flow: 'static', credentials: { token: '' } },
      'credentials: token is missing',
    ],
    [
      'has a number for a credential',
      { name: 'x', flow: 'static', credentials: { token: 12 } },
      'credentials.token: must be text: put quotes around it',
    ],
    [
      'has a credential nobody knows',
      { name: 'x', flow: 'static', credentials: { token: 'x', tokn: 'x' } },
      'credentials.tokn: unknown key; did you mean "token"?',
    ],
    [
      'has a key nobody knows',
      { name: 'x', ...staticAccount('x'), lifetme: 1 },
      'lifetme: unknown key; did you mean "lifetime"?',
    ],
    ['overrides with nonsense', { name: 'x', ...staticAccount('x'), lifetime: 0 }, 'lifetime: must be at least 1'],
    [
      'has a URL that is none',
      { name: 'x', flow: 'oauth2', credentials: { tokenUrl: 'ftp://x.example', clientId: 'x' } },
      'credentials.tokenUrl: must be an http:// or https:// URL without user and password',
    ],
    [
      'asks for a variable that is not there',
      { name: 'x', flow: 'static', credentials: { token: '${NOT_THERE}' } },
      'credentials.token: the environment variable NOT_THERE is not set',
    ],
  ] as const) {
    it(`a line that ${what} is told by its number`, () => {
      const file = writeLines(folder(), [{ name: 'good', ...staticAccount('good') }, '', line]);
      assert.ok(
        errorOf(withFile(file)).message.includes(`\n  ${file}, line 3: ${message}`),
        errorOf(withFile(file)).message,
      );
    });
  }

  it('that is wrong in every line tells of the first 50', () => {
    const file = writeLines(
      folder(),
      Array.from({ length: 1_000 }, () => '?'),
    );
    assert.equal(errorOf(withFile(file)).issues.length, 50);
  });

  it('may be all there are, but there must be some', () => {
    const file = writeLines(folder(), [{ name: 'one', ...staticAccount('one') }]);
    const config = `accountsFrom: { file: ${JSON.stringify(file)} }\nroutes: [{ prefix: /a, upstream: "https://a.example", account: one }]`;
    assert.equal(load(config).generated.byName.size, 1);
    writeLines(folder(), []);
    assert.ok(said(config).includes('accounts: needs at least one account'));
    assert.ok(said(config).includes('routes.0.account: no account has this name'));
  });
});
