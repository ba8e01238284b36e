import assert from 'node:assert/strict';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { decodeBody, decodeBodyStart, decompress } from '../../src/http/coding.ts';

const LIMIT = 1_024;

describe('a response with a content coding', () => {
  for (const [coding, encode] of [
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ] as const) {
    it(`${coding}: is unpacked up to the limit and no further`, () => {
      const text = 'x'.repeat(LIMIT);
      assert.equal(decodeBody(encode(text), coding, LIMIT)?.toString(), text);
      assert.equal(decodeBody(encode(`${text}x`), coding, LIMIT), undefined);
      assert.throws(() => decompress(encode(`${text}x`), coding, LIMIT), RangeError);
    });
  }

  it('is not unpacked if it says that it is longer than the limit', () => {
    // Only its end says so: the rest is no gzip that anything could unpack.
    const body = Buffer.alloc(200);
    body.set([0x1f, 0x8b, 8]);
    body.writeUInt32LE(LIMIT + 1, body.length - 4);
    assert.throws(() => decompress(body, 'gzip', LIMIT), RangeError);
    body.writeUInt32LE(LIMIT, body.length - 4);
    assert.equal(decompress(body, 'gzip', LIMIT), undefined);
  });

  it('that was unpacked on its way and kept its label is not taken for one that is too long', () => {
    const json = Buffer.from(`{"token":"${'x'.repeat(400_000)}"}\n\n`);
    assert.equal(decompress(json, 'gzip', LIMIT), undefined);
  });

  it('whose first member is all that has come yet is read as far as it goes', () => {
    const start = gzipSync('{"a":1}'.repeat(10_000)).subarray(0, 100);
    assert.match(decodeBodyStart(start, 'gzip')!.toString(), /^\{"a":1\}/);
  });
});
