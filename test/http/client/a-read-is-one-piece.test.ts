import assert from 'node:assert/strict';
import { bodyOf, latin1, parse, parseText } from './parse-response.ts';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/** The pieces in which a body is passed on. */
function piecesOf(...reads: string[]): string[] {
  return parse(reads.map((text) => latin1(text))).pieces.map((piece) => piece.toString('latin1'));
}

describe('the body in one read', () => {
  it('is passed on as one piece, of however many chunks', () => {
    assert.deepEqual(piecesOf(`${CHUNKED}1\r\na\r\n1\r\nb\r\n1\r\nc\r\n`), ['abc']);
    assert.deepEqual(piecesOf(`${CHUNKED}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`), ['ab']);
    assert.deepEqual(piecesOf(`${CHUNKED}1\r\na\r\n0\r\n\r\n`), ['a']);
  });

  it('is not held back for the next read', () => {
    assert.deepEqual(piecesOf(`${CHUNKED}1\r\na\r\n5\r\nbc`, 'de', 'f\r\n1\r\ng\r\n', '0\r\n\r\n'), [
      'abc',
      'de',
      'fg',
    ]);
    assert.deepEqual(piecesOf('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na', 'bc', 'def'), ['a', 'bc', 'def']);
    assert.deepEqual(piecesOf('HTTP/1.1 200 OK\r\n\r\na', 'bc', 'def'), ['a', 'bc', 'def']);
  });

  it('is never empty', () => {
    assert.deepEqual(piecesOf('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n', 'a'), ['a']);
    assert.deepEqual(piecesOf('HTTP/1.1 200 OK\r\n\r\n', 'a'), ['a']);
    assert.deepEqual(piecesOf(CHUNKED, '1\r\n', 'a', '\r\n', '0\r\n\r\n'), ['a']);
  });

  it('is passed on before the end, or before the fault behind it', () => {
    const ended = parseText(`${CHUNKED}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`);
    assert.deepEqual([bodyOf(ended), ended.order], ['ab', ['head', 'body', 'end']]);
    const broken = parseText(`${CHUNKED}1\r\na\r\n1\r\nb\r\nx\r\n`);
    assert.deepEqual([bodyOf(broken), broken.order, broken.ends], ['ab', ['head', 'body'], 0]);
    assert.match(broken.error!, /chunk size/);
  });

  it('is passed on as it is, without a copy or another view, if it is all of the read', () => {
    for (const head of [
      'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
      `${CHUNKED}a\r\n`,
    ]) {
      const reads = [latin1('hello'), latin1('world')];
      const found = parse([latin1(head), ...reads]);
      assert.equal(bodyOf(found), 'helloworld');
      assert.ok(found.pieces.every((piece, i) => piece === reads[i]));
    }
  });
});
