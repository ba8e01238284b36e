import assert from 'node:assert/strict';
import { latin1, parseText } from './parse-response.ts';

/** Whether the connection can be used again behind a response with these fields. */
function isReusable(minor: number, ...fields: string[]): boolean {
  const lines = ['Content-Length: 2', ...fields].map((field) => `${field}\r\n`).join('');
  const { parser, ends, error } = parseText(`HTTP/1.${minor} 200 OK\r\n${lines}\r\nok`);
  assert.deepEqual([ends, error], [1, undefined]);
  return parser.reusable;
}

describe('a connection behind a response', () => {
  for (const [fields, in11, in10] of [
    [[], true, false],
    [['Connection: keep-alive'], true, true],
    [['connection: Keep-Alive'], true, true],
    [['Connection: x, keep-alive'], true, true],
    [['Connection: keep-alive, x'], true, true],
    [['Connection: keep-alive,x'], true, true],
    [['Connection: x,keep-alive'], true, true],
    [['Connection: x', 'Connection: keep-alive'], true, true],
    [['Connection: keep-alive', 'Connection: x'], true, true],
    [['Connection: x-keep-alive'], true, false],
    [['Connection: keep-alive-x'], true, false],
    [['Connection: x'], true, false],
    [['Connection: '], true, false],
    [['X-Connectio: close'], true, false],
    [['Connections: close'], true, false],
    [['XConnection: keep-alive'], true, false],
    [['Xonnection: close'], true, false],
    [['Keep-Alive: timeout=5'], true, false],
    [['Connection: close'], false, false],
    [['CONNECTION: Close'], false, false],
    [['Connection: x, close'], false, false],
    [['Connection: close, x'], false, false],
    [['Connection: close\tx'], false, false],
    [['Connection: x\tclose'], false, false],
    [['Connection: x,close'], false, false],
    [['Connection: close,x'], false, false],
    [['Connection: x', 'Connection: close'], false, false],
    [['Connection: close', 'Connection: x'], false, false],
    [['Connection: x-close'], true, false],
    [['Connection: close-x'], true, false],
    [['Connection: disclose'], true, false],
    [['Connection: closed'], true, false],
  ] as const) {
    it(`${fields.join(' | ') || 'no Connection'}: ${in11 ? 'kept' : 'closed'} in HTTP/1.1, ${in10 ? 'kept' : 'closed'} in HTTP/1.0`, () => {
      assert.deepEqual([isReusable(1, ...fields), isReusable(0, ...fields)], [in11, in10]);
    });
  }

  it('is not reusable before the first response, nor while the next one is awaited', () => {
    const { parser } = parseText('HTTP/1.1 204 None\r\n\r\n');
    assert.equal(parser.reusable, true);
    parser.expect('GET');
    assert.deepEqual([parser.reusable, parser.inHead], [false, true]);
    parser.feed(latin1('HTTP/1.0 204 None\r\n\r\n'));
    assert.deepEqual([parser.reusable, parser.inHead], [false, false]);
  });

  it('an interim response that says close changes nothing: the final one decides', () => {
    const { parser } = parseText('HTTP/1.1 100 x\r\nConnection: close\r\n\r\nHTTP/1.1 204 None\r\n\r\n');
    assert.equal(parser.reusable, true);
  });

  it('the length of a HEAD response is not awaited, and the one of the next response is', () => {
    const { parser } = parseText('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD');
    assert.equal(parser.reusable, true);
    parser.expect('GET');
    parser.feed(latin1('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'));
    assert.equal(parser.reusable, false);
    parser.feed(latin1('hello'));
    assert.equal(parser.reusable, true);
  });
});
