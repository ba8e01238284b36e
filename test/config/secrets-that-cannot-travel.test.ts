import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, mistakesOf, smallest } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';

const CANARY = 'cAnArY';
const UNFIT = [
  `${CANARY}\r\nX-Evil: 1`,
  `${CANARY}\r\n\r\nGET /smuggled HTTP/1.1`,
  `${CANARY}\nb`,
  `${CANARY}\rb`,
  `${CANARY}\0b`,
  `${CANARY}\x7fb`,
  `${CANARY}€`,
  `${CANARY}é`,
  ` ${CANARY}`,
  `${CANARY} `,
];
const UNSAID = /holds characters that cannot be sent/;

describe('a secret that cannot travel where it would have to', () => {
  const folder = freshFolder();
  const flows = {
    keyed: {
      baseUrl: 'https://k.example',
      credentials: { apiKey: 'required' },
      login: { url: '/login', headers: { 'X-Key': 'key {apiKey}' }, answer: { token: '/token' } },
      attach: { header: 'authorization' },
    },
    session: { credentials: { id: 'required' }, attach: { cookie: 'sid', value: '{id}' } },
    asked: { credentials: { id: 'required' }, attach: { query: 'key', value: '{id}' } },
  };
  const own = (flow: string, name: string, secret: string): string =>
    JSON.stringify({
      flows,
      accounts: { one: { flow, credentials: { [name]: secret } } },
      routes: [{ prefix: '/x', upstream: 'https://x.example', account: 'one' }],
    });

  for (const secret of UNFIT) {
    it(`is refused at load, with its place, and not repeated: ${JSON.stringify(secret)}`, () => {
      const file = join(folder(), 'secret');
      writeFileSync(file, secret);
      for (const text of [
        smallest({ credentials: `token: ${JSON.stringify(secret)}` }),
        smallest({ credentials: `token: "\${file:${file}}"` }),
        smallest({ credentials: 'token: "${SECRET}"' }),
      ]) {
        const [mistake, ...more] = mistakesOf(text, { SECRET: secret });
        assert.deepEqual([mistake!.path, mistake!.line, more], ['accounts.shop.credentials.token', 2, []]);
        assert.match(mistake!.message, UNSAID);
        assert.ok(!mistake!.message.includes(CANARY));
      }
      assert.deepEqual(
        mistakesOf(own('keyed', 'apiKey', secret)).map(({ path }) => path),
        ['accounts.one.credentials.apiKey'],
      );
      assert.deepEqual(
        mistakesOf(own('session', 'id', secret)).map(({ path }) => path),
        ['accounts.one.credentials.id'],
      );
    });
  }

  it('is refused in a folder of accounts and in a generated file', () => {
    const at = folder();
    writeFileSync(join(at, 'a.yaml'), 'inFolder: { flow: static, credentials: { token: "a\\r\\nb" } }');
    const generated = join(folder(), 'accounts.ndjson');
    writeFileSync(generated, `${JSON.stringify({ name: 'one', flow: 'keyed', credentials: { apiKey: 'a\r\nb' } })}\n`);
    const mistakes = (accountsFrom: object): unknown[] =>
      mistakesOf(
        JSON.stringify({
          flows,
          accountsFrom,
          accounts: { one1: { flow: 'asked', credentials: { id: 'x' } } },
          routes: [{ prefix: '/x', upstream: 'https://x.example' }],
        }),
      ).map(({ path, line }) => [path, line]);
    assert.deepEqual(mistakes({ directory: at }), [['inFolder.credentials.token', 1]]);
    assert.deepEqual(mistakes({ file: generated }), [['credentials.apiKey', 1]]);
  });

  it('is taken where it can travel: in a body, in a query', () => {
    for (const secret of UNFIT) load(own('asked', 'id', secret));
    load(
      JSON.stringify({
        accounts: { one: { flow: 'chatapp', credentials: { email: 'a@b.example', password: 'a\nb€', appId: '1' } } },
        routes: [{ prefix: '/x', upstream: 'https://x.example', account: 'one' }],
      }),
    );
  });
});
