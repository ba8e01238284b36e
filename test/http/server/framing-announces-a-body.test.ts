import assert from 'node:assert/strict';
import { hasBody } from '../../../src/http/framing.ts';

describe('the framing of a request', () => {
  for (const [headers, expected] of [
    [{}, false],
    [{ 'content-length': '0' }, false],
    [{ 'content-length': '1' }, true],
    [{ 'content-length': '10' }, true],
    [{ 'transfer-encoding': 'chunked' }, true],
    [{ 'transfer-encoding': 'chunked', 'content-length': '0' }, true],
    [{ 'content-type': 'text/plain', 'x-length': '5' }, false],
  ] as const) {
    it(`${JSON.stringify(headers)}: it announces ${expected ? 'a body' : 'none'}`, () => {
      assert.equal(hasBody(headers), expected);
    });
  }
});
