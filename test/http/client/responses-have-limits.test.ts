import assert from 'node:assert/strict';
import { bodyOf, latin1, parse, parseText, type Found } from './parse-response.ts';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const KIB = 1024;

/** A header section of so many bytes, without its empty line. */
function headOf(bytes: number): string {
  const before = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Long: ';
  return `${before}${'x'.repeat(bytes - before.length)}`;
}

/** The same text in one piece, and in pieces of a kibibyte and one byte. */
function inPieces(text: string): Found[] {
  const bytes = latin1(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += KIB + 1) pieces.push(bytes.subarray(at, at + KIB + 1));
  return [parse([bytes]), parse(pieces)];
}

describe('a response', () => {
  it('may have a header section of 64 KiB', () => {
    for (const { error, ends } of inPieces(`${headOf(64 * KIB)}\r\n\r\n`))
      assert.deepEqual([error, ends], [undefined, 1]);
    for (const { error, head } of inPieces(`${headOf(64 * KIB + 1)}\r\n\r\n`)) {
      assert.match(error ?? 'read', /too large/);
      assert.equal(head, undefined);
    }
  });

  it('is refused as soon as its header section is longer, and not when it ends', () => {
    assert.equal(parseText(headOf(64 * KIB)).error, undefined);
    assert.match(parseText(headOf(64 * KIB + 1)).error ?? 'awaited', /too large/);
    assert.equal(parse([latin1(headOf(64 * KIB)), latin1('\r\n\r\n')]).ends, 1);
  });

  it('may have 256 fields', () => {
    const text = (fields: number): string => `HTTP/1.1 204 None\r\n${'X-A: 1\r\n'.repeat(fields)}\r\n`;
    assert.equal(parseText(text(256)).head!.headers.length, 512);
    assert.match(parseText(text(257)).error ?? 'read', /too many header fields/);
  });

  it('may have chunk extensions of a kibibyte with the size', () => {
    const line = (bytes: number): string => `5;${'x'.repeat(bytes - 2)}`;
    for (const found of inPieces(`${CHUNKED}${line(KIB)}\r\nhello\r\n0\r\n\r\n`))
      assert.deepEqual([found.error, bodyOf(found), found.ends], [undefined, 'hello', 1]);
    for (const found of inPieces(`${CHUNKED}${line(KIB + 1)}\r\nhello\r\n0\r\n\r\n`))
      assert.match(found.error ?? 'read', /a line that is too long/);
  });

  it('is refused as soon as a chunk-size line is longer, and not when it ends', () => {
    assert.equal(parseText(`${CHUNKED}5;${'x'.repeat(KIB)}`).error, undefined);
    assert.match(parseText(`${CHUNKED}5;${'x'.repeat(KIB + 1)}`).error ?? 'awaited', /a line that is too long/);
  });

  it('may have a trailer section of 16 KiB, its line ends counted', () => {
    const lines = (bytes: number): string => {
      const line = `X-A: ${'x'.repeat(KIB - 7)}\r\n`;
      return `${line.repeat(15)}${line.slice(0, 5)}${'x'.repeat(bytes - 15 * KIB - 9)}\r\n\r\n`;
    };
    for (const { error, ends } of inPieces(`${CHUNKED}0\r\n${lines(16 * KIB)}`))
      assert.deepEqual([error, ends], [undefined, 1]);
    for (const { error, ends } of inPieces(`${CHUNKED}0\r\n${lines(16 * KIB + 1)}`)) {
      assert.match(error ?? 'read', /a trailer section that is too large/);
      assert.equal(ends, 0);
    }
  });

  it('is refused as soon as a trailer section is longer, and each response of a connection has its own', () => {
    const long = 'X-A: '.padEnd(16 * KIB, 'x');
    assert.equal(parseText(`${CHUNKED}0\r\n${long}`).error, undefined);
    assert.match(parseText(`${CHUNKED}0\r\n${long}x`).error ?? 'awaited', /a trailer section that is too large/);
    const half = `${CHUNKED}0\r\n${'X-A: '.padEnd(9 * KIB, 'x')}\r\n\r\n`;
    const { parser, ends } = parseText(half);
    assert.equal(ends, 1);
    parser.expect('GET');
    parser.feed(latin1(half));
    assert.ok(parser.reusable);
  });

  it('may have eight interim responses before it, and the next one on its connection too', () => {
    const eight = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(8);
    const last = 'HTTP/1.1 204 None\r\n\r\n';
    const { parser, ends } = parseText(`${eight}${last}`);
    assert.equal(ends, 1);
    parser.expect('GET');
    parser.feed(latin1(`${eight}${last}`));
    assert.ok(parser.reusable);
    parser.expect('GET');
    assert.throws(() => parser.feed(latin1(`${eight}HTTP/1.1 102 Processing\r\n\r\n`)), /too many interim/);
  });

  it('is refused at the fifth byte behind a chunk that is no line end', () => {
    assert.equal(parseText(`${CHUNKED}1\r\nabcde`).error, undefined);
    assert.match(parseText(`${CHUNKED}1\r\nabcdef`).error ?? 'awaited', /a line that is too long/);
  });
});
