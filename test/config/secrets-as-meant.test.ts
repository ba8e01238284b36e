import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { load, said, smallest } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';

/** What tools add to a secret that nobody typed. */
const ADDED: readonly (readonly [by: string, content: string | Buffer])[] = [
  ['nothing', 'pässword'],
  ['echo', 'pässword\n'],
  ['an editor of Windows', 'pässword\r\n'],
  ['a Secret made of a file with a line end', 'pässword\n\n'],
  ['both of them', 'pässword\r\n\n'],
  ['an old Mac', 'pässword\r'],
  ['an editor with a byte order mark', '\uFEFFpässword'],
  ['an editor with a byte order mark, and a line end', '\uFEFFpässword\r\n'],
  ['a shell that writes UTF-16', Buffer.from('\uFEFFpässword\r\n', 'utf16le')],
  ['an editor that writes UTF-16 the other way round', Buffer.from('\uFEFFpässword\r\n', 'utf16le').swap16()],
];

describe('a secret that a tool has added something to', () => {
  const folder = freshFolder();
  const password = (written: string, environment: Readonly<Record<string, string>> = {}): unknown =>
    load(
      JSON.stringify({
        accounts: { crm: { flow: 'chatapp', credentials: { email: 'a@b.example', password: written, appId: '1' } } },
        routes: [{ prefix: '/x', upstream: 'https://x.example', account: 'crm' }],
      }),
      environment,
    ).accounts['crm']!.credentials['password'];

  for (const [by, content] of ADDED) {
    it(`arrives as it was meant: ${by}`, () => {
      const file = join(folder(), 'secret');
      writeFileSync(file, content);
      assert.equal(password(`\${file:${file}}`), 'pässword');
      if (typeof content === 'string') assert.equal(password('${SECRET}', { SECRET: content }), 'pässword');
    });
  }

  it('arrives as it was meant: a block of YAML', () => {
    const text = [
      'accounts:',
      '  crm:',
      '    flow: chatapp',
      '    credentials:',
      '      email: a@b.example',
      '      appId: "1"',
      '      password: |',
      '        pässword',
      'routes:',
      '  - { prefix: /x, upstream: https://x.example, account: crm }',
    ];
    assert.equal(load(text.join('\n')).accounts['crm']!.credentials['password'], 'pässword');
  });

  it('keeps what may be meant: blanks, and line ends in its midst', () => {
    const file = join(folder(), 'secret');
    writeFileSync(file, ' -----BEGIN\none\ntwo\nEND \n');
    assert.equal(password(`\${file:${file}}`), ' -----BEGIN\none\ntwo\nEND ');
  });

  it('is refused if it is no text: another one would be sent in its place', () => {
    const file = join(folder(), 'secret');
    writeFileSync(file, Buffer.from([0x70, 0xe4, 0x73, 0x73]));
    assert.deepEqual(said(smallest({ credentials: `token: "\${file:${file}}"` })), [
      `accounts.shop.credentials.token: the file ${file} is not UTF-8 text`,
    ]);
  });

  it('is missing if nothing but a line end is there', () => {
    assert.deepEqual(said(smallest({ credentials: 'token: "${SECRET}"' }), { SECRET: '\n' }), [
      'accounts.shop.credentials.token: the environment variable SECRET is empty',
    ]);
    const file = join(folder(), 'secret');
    writeFileSync(file, '\n');
    assert.deepEqual(said(smallest({ credentials: `token: "\${file:${file}}"` })), [
      'accounts.shop.credentials: token is missing',
    ]);
  });

  it('does so from a configuration and a generated file with a byte order mark too', () => {
    const file = join(folder(), 'proxy.config.yaml');
    writeFileSync(file, `\uFEFF${smallest({})}`);
    assert.equal(loadConfig(file, {}).routes.length, 1);
    const lines = join(folder(), 'accounts.ndjson');
    writeFileSync(lines, `\uFEFF${JSON.stringify({ name: 'gen1', flow: 'static', credentials: { token: 't' } })}\r\n`);
    assert.equal(load(smallest({ top: `accountsFrom: { file: ${lines} }` })).generated.byName.size, 1);
  });
});
