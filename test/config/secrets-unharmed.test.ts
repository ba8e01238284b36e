import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from '../support/config.ts';
import { temporaryFolder } from '../support/proxy.ts';

/** Each of these changes the document's structure, or itself, if it is put in before the YAML is parsed. */
const SECRETS = [
  'a#b',
  'a #b',
  '# all of it',
  'a"b',
  "a'b",
  '"quoted"',
  'a$b',
  '$&',
  "$'",
  '$`',
  '$$',
  '${NAME}',
  '$${',
  'a\nb',
  'a\r\nb',
  'a: b',
  ': ',
  '- a',
  '*a',
  '&a',
  '!a',
  '%a',
  '@a',
  '`a',
  '{a}',
  '[a',
  'a, b',
  '|',
  '>',
  '?',
  'null',
  '~',
  'true',
  'no',
  '0123',
  '1e5',
  '0x10',
  '2026-01-01',
  ' leading',
  'trailing ',
  '\ttab',
  '\\',
  '\\n',
  '\u00fcml\u00e4ut',
  '\u{1f511}',
  '<<',
  '---',
  '...',
  '\u2028',
];

describe('a secret', () => {
  let folder: string;
  before(() => {
    folder = temporaryFolder();
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const secret of SECRETS) {
    it(`arrives as it is from the environment, a file, and quoted text: ${JSON.stringify(secret)}`, () => {
      const written = (text: string, environment: Readonly<Record<string, string>> = {}): unknown =>
        load(
          [
            'accounts:',
            `  crm: { flow: chatapp, credentials: { email: a@b.example, appId: "1", password: ${text} } }`,
            'routes:',
            '  - { prefix: /crm, upstream: https://crm.example, account: crm }',
          ].join('\n'),
          environment,
        ).accounts['crm']!.credentials['password'];
      assert.equal(written('"${SECRET}"', { SECRET: secret }), secret);
      writeFileSync(join(folder, 'secret'), `${secret}\n`);
      assert.equal(written(`"\${file:${folder}/secret}"`), secret);
      assert.equal(written(JSON.stringify(secret.replaceAll('${', () => '$${'))), secret);
    });
  }
});
