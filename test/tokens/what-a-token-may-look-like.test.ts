import assert from 'node:assert/strict';
import { isTokenText } from '../../src/tokens/token.ts';

describe('a text', () => {
  for (const [name, text] of [
    ['of visible ASCII, from the first such character to the last', '!~'],
    ['of one character', 'x'],
    ['as long as a token may be', 'x'.repeat(16_384)],
  ] as const) {
    it(`${name} can be a token`, () => assert.equal(isTokenText(text), true));
  }

  for (const [name, text] of [
    ['without a character', ''],
    ['longer than a token may be', 'x'.repeat(16_385)],
    ['that begins with a space', ' token'],
    ['that ends with a space', 'token '],
    ['with a line break, which would begin another header field,', 'token\r\nX-Injected: 1'],
    ['that ends with a line break', 'token\n'],
    ['with a control character', 'token\x7f'],
    ['with a letter beyond ASCII', 'tokén'],
  ] as const) {
    it(`${name} cannot be a token`, () => assert.equal(isTokenText(text), false));
  }
});
