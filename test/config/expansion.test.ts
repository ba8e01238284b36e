import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, said, smallest } from '../support/config.ts';
import { temporaryFolder } from '../support/proxy.ts';

/** What becomes of a token written so. */
function token(written: string, environment: Readonly<Record<string, string>> = {}): unknown {
  return load(smallest({ credentials: `token: ${JSON.stringify(written)}` }), environment).accounts['shop']!.credentials['token'];
}

function complaint(written: string, environment: Readonly<Record<string, string>> = {}): string[] {
  return said(smallest({ credentials: `token: ${JSON.stringify(written)}` }), environment);
}

describe('${…} in a configuration', () => {
  let folder: string;
  before(() => {
    folder = temporaryFolder();
  });
  after(() => rmSync(folder, { recursive: true }));

  it('becomes the environment variable', () => {
    assert.equal(token('${A}', { A: 'one' }), 'one');
    assert.equal(token('<${A}-${B_2}>', { A: 'one', B_2: 'two' }), '<one-two>');
  });

  it('takes its default if the variable is not set or empty', () => {
    assert.equal(token('${A:-other}'), 'other');
    assert.equal(token('${A:-other}', { A: '' }), 'other');
    assert.equal(token('${A:-other}', { A: 'one' }), 'one');
    assert.equal(token('x${A:-}'), 'x');
    assert.equal(token('${A:-a:-b}'), 'a:-b');
  });

  it('without its variable is a mistake that names it', () => {
    assert.deepEqual(complaint('${A}'), ['accounts.shop.credentials.token: the environment variable A is not set']);
    assert.deepEqual(complaint('${A}', { A: '' }), ['accounts.shop.credentials.token: the environment variable A is empty']);
  });

  it('reports every missing variable, and nothing else about the values they stand in', () => {
    const text = smallest({ top: 'listen: { port: "${PORT}" }', credentials: 'token: "${TOKEN}"', route: 'maxBody: "${MOST}"' }).replace('https://shop.example', '"${UPSTREAM}"').replace('account: shop,', 'account: "${WHO}",');
    assert.deepEqual(said(text), [
      'listen.port: the environment variable PORT is not set',
      'accounts.shop.credentials.token: the environment variable TOKEN is not set',
      'routes.0.upstream: the environment variable UPSTREAM is not set',
      'routes.0.account: the environment variable WHO is not set',
      'routes.0.maxBody: the environment variable MOST is not set',
    ]);
  });

  it('reads a file, without the line end at its end', () => {
    for (const [content, expected] of [['one\n', 'one'], ['one\r\n', 'one'], ['one', 'one'], ['one\ntwo\n\n', 'one\ntwo\n'], ['', '']]) {
      writeFileSync(join(folder, 'secret'), content!);
      assert.equal(token(`a\${file:${join(folder, 'secret')}}b`), `a${expected}b`);
    }
  });

  it('names a file that cannot be read, and why', () => {
    mkdirSync(join(folder, 'folder'));
    assert.deepEqual(complaint(`\${file:${folder}/none}`), [`accounts.shop.credentials.token: the file ${folder}/none cannot be read (ENOENT)`]);
    assert.deepEqual(complaint(`\${file:${folder}/folder}`), [`accounts.shop.credentials.token: the file ${folder}/folder cannot be read (EISDIR)`]);
  });

  it('is written $${ to stand for itself', () => {
    assert.equal(token('$${A}', { A: 'one' }), '${A}');
    assert.equal(token('a$${b'), 'a${b');
    assert.equal(token('$${$${'), '${${');
  });

  it('leaves other dollars alone', () => {
    for (const text of ['$', '$$', '$A', 'a$b$c', '$2y$10$abc', '$&', '$1', '{A}', '$ {A}']) assert.equal(token(text, { A: 'one' }), text);
  });

  it('of another form is a mistake that does not repeat it', () => {
    for (const text of ['${a b}', '${}', '${1A}', '${A', '${A:=x}', '${hunter2$x}', 'pa${ss']) {
      assert.deepEqual(complaint(text), ['accounts.shop.credentials.token: holds a "${" that is not ${NAME}, ${NAME:-default} or ${file:/path}; for the two characters themselves write "$${"'], text);
    }
  });

  it('is not expanded again in what was put in', () => {
    assert.equal(token('${A}', { A: '${B}', B: 'two' }), '${B}');
    writeFileSync(join(folder, 'secret'), '${A} $${A}');
    assert.equal(token(`\${file:${folder}/secret}`, { A: 'one' }), '${A} $${A}');
  });

  it('is not expanded in keys', () => {
    assert.deepEqual(said(smallest({ top: '"${A}": 1' }), { A: 'log' }).length, 1);
  });
});
