import assert from 'node:assert/strict';
import { errorOf, mistakesOf, smallest } from '../support/config.ts';

const YAML: readonly (readonly [what: string, text: string, line: number, words: RegExp])[] = [
  [
    'a colon in plain text',
    'accounts:\n  shop:\n    flow: a: b',
    3,
    /^not well-formed YAML or JSON, near column \d+ .*put quotes around text/,
  ],
  ['wrong indentation', 'accounts:\n  shop:\n    flow: static\n   credentials: {}', 4, /^not well-formed/],
  ['a list that turns into a mapping', 'routes:\n  - prefix: /a\n  upstream: b', 3, /^not well-formed/],
  ['an open quote', 'log: { level: "info }\n', 2, /^not well-formed/],
  ['a tab for indentation', 'log:\n\tlevel: info', 2, /^a tab: YAML is indented with spaces$/],
  [
    'a variable without quotes in braces',
    smallest({ credentials: 'token: ${TOKEN}' }),
    2,
    /^inside \{ \} or \[ \] a variable needs quotes: write "\$\{TOKEN\}"$/,
  ],
  ['two documents', 'log: {}\n---\nlog: {}', 2, /^not well-formed/],
  [
    'a key given twice',
    'log: { level: info }\nlimits: {}\nlog: { level: warn }',
    3,
    /^this key occurs twice in one mapping$/,
  ],
  [
    'a key given twice, once in quotes',
    'log: {level: info}\naccounts:\n  1: {}\n  "1": {}',
    4,
    /^this key occurs twice in one mapping$/,
  ],
  ['a key given twice further down', 'log:\n  level: info\n  level: warn', 3, /^this key occurs twice in one mapping$/],
  [
    'a password cut by its comma',
    smallest({ credentials: 'token: ab,cd' }),
    2,
    /^an entry without a value; text with a comma in it needs quotes$/,
  ],
  [
    'a template nobody filled in',
    smallest({ credentials: 'token: {{ .Values.token }}' }),
    2,
    /^a key here is not a plain name; is it a "\{\{ … \}\}" that no template has filled in\?$/,
  ],
  [
    'text that begins with a star',
    smallest({ credentials: 'token: *abc' }),
    2,
    /^this alias refers to no anchor; text that begins with "\*" needs quotes$/,
  ],
  [
    'text that begins with an exclamation mark',
    smallest({ credentials: 'token: !abc' }),
    2,
    /^an unknown YAML tag or directive; text that begins with "!" or "%" needs quotes$/,
  ],
];

const JSON_TEXTS: readonly (readonly [what: string, text: string, line: number])[] = [
  ['that ends too early', '{\n  "accounts": {\n    "shop": {', 3],
  ['with a missing comma', '{\n  "log": {}\n  "limits": {}\n}', 3],
  ['with an open quote', '{\n  "log": { "level": "info }\n}', 3],
  ['with a comma too many, which makes an entry of nothing', '{ "log": { "level": "info" },, }', 1],
];

describe('a malformed configuration', () => {
  for (const [what, text, line, words] of YAML) {
    it(`is refused with the line: ${what}`, () => {
      const [first, ...more] = mistakesOf(text);
      assert.match(first!.message, words);
      assert.equal(first!.line, line);
      assert.deepEqual(more, []);
    });
  }

  for (const [what, text, line] of JSON_TEXTS) {
    it(`is refused with the line: JSON ${what}`, () => {
      const [first] = mistakesOf(text);
      assert.match(first!.message, /^not well-formed YAML or JSON/);
      assert.ok(Math.abs(first!.line! - line) <= 1, `line ${first!.line}`);
    });
  }

  it('that is nested too deeply is refused, however it is written', () => {
    for (const text of [`- ${': '.repeat(2_000)}`, '['.repeat(2_000), '- '.repeat(2_000), '{a: '.repeat(2_000)]) {
      const [first, ...more] = mistakesOf(text);
      assert.match(first!.message, /^nested too deeply$|^not well-formed/, text.slice(0, 10));
      assert.deepEqual(more, []);
    }
  });

  it('that is empty is told what has to be there', () => {
    for (const text of ['', '\n\n', '# nothing but a comment\n', '---\n', '{}']) {
      assert.deepEqual(
        mistakesOf(text).map(({ path, line, message }) => [path, line, message]),
        [
          ['routes', 1, 'is missing'],
          ['accounts', 1, 'is missing'],
        ],
        JSON.stringify(text),
      );
    }
  });
});

describe('a mistake whose message would name something very long', () => {
  it('is shown without the middle of it', () => {
    const name = `A${'B'.repeat(5_000)}Z`;
    const { message } = errorOf(`accounts: { a: { flow: static, credentials: { token: "\${${name}}" } } }`);
    assert.match(message, /accounts\.a\.credentials\.token: the environment variable AB+ … B+Z is not set/);
    assert.ok(message.length < 1_000);
  });
});
