import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, said, smallest } from '../support/config.ts';
import { temporaryFolder } from '../support/proxy.ts';

/** What becomes of a token written so. */
function token(written: string, environment: Readonly<Record<string, string>> = {}): unknown {
  return load(smallest({ credentials: `token: ${JSON.stringify(written)}` }), environment).accounts['shop']!
    .credentials['token'];
}

/** The same for text that goes into a body, where it may hold anything. */
function email(written: string): unknown {
  return load(
    JSON.stringify({
      accounts: { crm: { flow: 'chatapp', credentials: { email: written, password: 'p', appId: '1' } } },
      routes: [{ prefix: '/crm', upstream: 'https://crm.example', account: 'crm' }],
    }),
  ).accounts['crm']!.credentials['email'];
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
    assert.deepEqual(complaint('${A}', { A: '' }), [
      'accounts.shop.credentials.token: the environment variable A is empty',
    ]);
  });

  it('reports every missing variable, and nothing else about the values they stand in', () => {
    const text = smallest({
      top: 'listen: { port: "${PORT}" }',
      credentials: 'token: "${TOKEN}"',
      route: 'maxBody: "${MOST}"',
    })
      .replace('https://shop.example', '"${UPSTREAM}"')
      .replace('account: shop,', 'account: "${WHO}",');
    assert.deepEqual(said(text), [
      'listen.port: the environment variable PORT is not set',
      'accounts.shop.credentials.token: the environment variable TOKEN is not set',
      'routes.0.upstream: the environment variable UPSTREAM is not set',
      'routes.0.account: the environment variable WHO is not set',
      'routes.0.maxBody: the environment variable MOST is not set',
    ]);
  });

  it('reads a file, without the line ends at its end', () => {
    for (const [content, expected] of [
      ['one\n', 'one'],
      ['one\r\n', 'one'],
      ['one', 'one'],
      ['one\ntwo\n', 'one\ntwo'],
      ['', ''],
    ]) {
      writeFileSync(join(folder, 'secret'), content!);
      assert.equal(email(`a\${file:${join(folder, 'secret')}}b`), `a${expected}b`);
    }
  });

  it('names a file that cannot be read, and why', () => {
    mkdirSync(join(folder, 'folder'));
    assert.deepEqual(complaint(`\${file:${folder}/none}`), [
      `accounts.shop.credentials.token: the file ${folder}/none cannot be read (ENOENT)`,
    ]);
    assert.deepEqual(complaint(`\${file:${folder}/folder}`), [
      `accounts.shop.credentials.token: the file ${folder}/folder cannot be read (EISDIR)`,
    ]);
  });

  it('is written $${ to stand for itself', () => {
    assert.equal(token('$${A}', { A: 'one' }), '${A}');
    assert.equal(token('a$${b'), 'a${b');
    assert.equal(token('$${$${'), '${${');
  });

  it('leaves other dollars alone', () => {
    for (const text of ['$', '$$', '$$A', 'a$b$c', 'a$A', '$A-$B', '$5', '$2y$10$abc', '$&', '$1', '{A}', '$ {A}'])
      assert.equal(token(text, { A: 'one' }), text);
  });

  it('may stand in a default, and in the path of a file', () => {
    assert.equal(token('${A:-${B}}', { B: 'bee' }), 'bee');
    assert.equal(token('${A:-${B}}', { A: 'ay', B: 'bee' }), 'ay');
    assert.equal(token('${A:-<${B:-${C:-sea}}>}!'), '<sea>!');
    assert.equal(token('${A:-$${B}}', { B: 'bee' }), '${B}');
    writeFileSync(join(folder, 'nested'), 'from a file\n');
    assert.equal(token('${A:-${file:${DIR}/nested}}', { DIR: folder }), 'from a file');
  });

  it('in a default that is not taken needs no variable and no file, but the right form', () => {
    assert.equal(token('${A:-${B}}', { A: 'ay' }), 'ay');
    assert.equal(token(`\${A:-\${file:${folder}/none}}`, { A: 'ay' }), 'ay');
    assert.deepEqual(complaint('${A:-${B}}'), [
      'accounts.shop.credentials.token: the environment variable B is not set',
    ]);
    assert.match(complaint('${A:-${B C}}', { A: 'ay' }).join(), /holds a "\$\{" that is not/);
    assert.match(complaint('${A:-${B}', { B: 'bee' }).join(), /holds a "\$\{" that is not/);
  });

  it('is the only notation: another one that is all there is of a value is refused, and never sent', () => {
    for (const text of ['$A', '$PW_A', ' $A ', '$(A)', '%A%', '{{ A }}', '${B:-$A}', '${B:-${C:-%A%}}']) {
      const [said, ...more] = complaint(text, { A: 'one', PW_A: 'two' });
      assert.match(
        said!,
        /^accounts\.shop\.credentials\.token: looks like a variable in a notation that is not expanded here: write \$\{NAME\}/,
        text,
      );
      assert.deepEqual(more, [], text);
    }
    assert.match(
      said(smallest({ top: 'store: { type: embedded, path: $DATA }' })).join(),
      /^store\.path: looks like a variable/,
    );
  });

  it('can bring a value that looks like another notation', () => {
    assert.equal(token('${A}', { A: '$ecret' }), '$ecret');
    assert.equal(token('${A:-$${ecret}}'), '${ecret}');
  });

  it('of another form is a mistake that does not repeat it', () => {
    for (const text of ['${a b}', '${}', '${1A}', '${A', '${A:=x}', '${hunter2$x}', 'pa${ss']) {
      assert.deepEqual(
        complaint(text),
        [
          'accounts.shop.credentials.token: holds a "${" that is not ${NAME}, ${NAME:-default} or ${file:/path}; for the two characters themselves write "$${"',
        ],
        text,
      );
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
