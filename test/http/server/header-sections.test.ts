import assert from 'node:assert/strict';
import { endOfLine, parseFields } from '../../../src/http/fields.ts';

function parsed(text: string, maxFields = 10): string[] | string {
  return parseFields(text, Buffer.from(text, 'latin1'), 0, text.length, maxFields);
}

const NAME_BYTES = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const every = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
const isInName = (letter: string): boolean => NAME_BYTES.includes(letter);
const isInValue = (letter: string): boolean => letter === '\t' || (letter >= ' ' && letter !== '\x7f');

const MALFORMED = 'a malformed header field';
const CONTROL = 'a control byte in the header section, or a line that does not end in CR LF';

describe('a header section', () => {
  for (const [text, expected] of [
    ['', []],
    ['A: 1\r\n', ['A', '1']],
    ['A:1\r\nb: 2\r\nA: 3\r\n', ['A', '1', 'b', '2', 'A', '3']],
    ['A:\r\n', ['A', '']],
    ['A: \t \r\nB: 1\r\n', ['A', '', 'B', '1']],
    ['A:\t \tone two\tthree \t\r\n', ['A', 'one two\tthree']],
    ['A: a:b : c\r\n', ['A', 'a:b : c']],
    ['A: \xa0\x85x\xa0\r\n', ['A', '\xa0\x85x\xa0']],
    ['\r\n', MALFORMED],
    [': 1\r\n', MALFORMED],
    ['A\r\n', MALFORMED],
    ['A : 1\r\n', MALFORMED],
    ['A\t: 1\r\n', MALFORMED],
    ['A: 1\r\n B: 2\r\n', MALFORMED],
    ['A: 1\r\n\tB: 2\r\n', MALFORMED],
    ['A: 1\r\nB\r\n', MALFORMED],
    ['A B: 1\r\n', MALFORMED],
    ['A: 1\nB: 2\r\n', CONTROL],
    ['A: 1\rB: 2\r\n', CONTROL],
    ['A: 1\r\r\n', CONTROL],
    ['A: \n\r\n', CONTROL],
    ['A: 1\n\nB: 2\r\n', CONTROL],
    ['A: 1\x01\n', CONTROL],
    ['A: 1', CONTROL],
    ['A: 1\r', CONTROL],
    ['A: 1\n', CONTROL],
    ['A:', CONTROL],
  ] as const) {
    it(`${JSON.stringify(text)}: ${typeof expected === 'string' ? expected : `${expected.length / 2} fields`}`, () => {
      assert.deepEqual(parsed(text), expected);
    });
  }

  it('has the bytes of a token in its names, and no others', () => {
    for (const letter of every)
      assert.deepEqual(
        parsed(`A${letter}B: 1\r\n`),
        isInName(letter) ? [`A${letter}B`, '1'] : letter === ':' ? ['A', 'B: 1'] : MALFORMED,
      );
    for (const letter of every)
      assert.deepEqual(parsed(`${letter}: 1\r\n`), isInName(letter) ? [letter, '1'] : MALFORMED);
  });

  it('has any byte in its values but control bytes', () => {
    for (const letter of every)
      assert.deepEqual(parsed(`A: x${letter}y\r\n`), isInValue(letter) ? ['A', `x${letter}y`] : CONTROL);
  });

  it('has as many fields as it may have, and not one more', () => {
    assert.deepEqual(parsed('A: 1\r\nB: 2\r\n', 2), ['A', '1', 'B', '2']);
    assert.equal(parsed('A: 1\r\nB: 2\r\nC: 3\r\n', 2), 'too many header fields');
    assert.deepEqual(parsed('', 0), []);
  });

  it('begins and ends where it is said to', () => {
    const text = 'GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\nbody: 1\r\n';
    const bytes = Buffer.from(text);
    assert.deepEqual(parseFields(text, bytes, 16, 28, 10), ['A', '1', 'B', '2']);
    assert.deepEqual(parseFields(text, bytes, 16, 22, 10), ['A', '1']);
    assert.deepEqual(parseFields(text, bytes, 16, 16, 10), []);
    for (const end of [17, 18, 20, 21]) assert.equal(parseFields(text, bytes, 16, end, 10), CONTROL, String(end));
  });
});

describe('the end of a line', () => {
  for (const [text, end, expected] of [
    ['', 0, -1],
    ['abc', 3, -1],
    ['abc\r\n', 5, 3],
    ['\r\n', 2, 0],
    ['abc\r\n', 4, -1],
    ['abc\r\n', 3, -1],
    ['abc\r', 4, -1],
    ['abc\n', 4, -1],
    ['abc\rx', 5, -1],
    ['abc\n\r\n', 6, -1],
    ['abc\n\n', 5, -1],
    ['abc\x01\n', 5, -1],
    ['a\0c\r\n', 5, -1],
    ['abc\r\ndef\r\n', 10, 3],
    ['a\tc \xff\r\n', 7, 5],
  ] as const) {
    it(`${JSON.stringify(text)}, up to ${end}: ${expected}`, () => {
      assert.equal(endOfLine(Buffer.from(text, 'latin1'), 0, end), expected);
    });
  }

  it('is looked for from a place', () => {
    const bytes = Buffer.from('\0\r\nabc\r\n');
    assert.equal(endOfLine(bytes, 0, bytes.length), -1);
    assert.equal(endOfLine(bytes, 3, bytes.length), 6);
    assert.equal(endOfLine(bytes, 1, bytes.length), 1);
  });
});
