import assert from 'node:assert/strict';
import { latin1, parseText } from './parse-response.ts';

function hintOf(...fields: string[]): number | undefined {
  return parseText(`HTTP/1.1 204 None\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`).parser.idleHint;
}

describe('how long a server keeps an idle connection', () => {
  it('is the timeout of Keep-Alive', () => {
    assert.equal(hintOf('Keep-Alive: timeout=5'), 5);
    assert.equal(hintOf('keep-alive: max=100, Timeout=65'), 65);
    assert.equal(hintOf('KEEP-ALIVE: timeout=0, max=1'), 0);
    assert.equal(hintOf('Keep-Alive: timeout=123456'), 123_456);
    assert.equal(hintOf('Keep-Alive: timeout=1234567'), 123_456);
    assert.equal(hintOf('Keep-Alive: timeout=5', 'Connection: keep-alive', 'X-A: 1'), 5);
  });

  it('is not known without the field, and is no number if the field does not say it', () => {
    assert.equal(hintOf(), undefined);
    assert.equal(hintOf('Connection: timeout=5', 'XKeep-Alive: timeout=5', 'Keep-AliveX: timeout=5'), undefined);
    assert.equal(hintOf('Keep-Alivx: timeout=5', 'xeep-Alive: timeout=5'), undefined);
    for (const value of ['', 'max=5', 'timeout=', 'timeout=x5', 'timeout: 5', 'time=5'])
      assert.equal(hintOf(`Keep-Alive: ${value}`), NaN, value);
  });

  it('is of the last response, even an earlier one that said nothing of it', () => {
    const { parser } = parseText('HTTP/1.1 204 None\r\nKeep-Alive: timeout=5\r\n\r\n');
    parser.expect('GET');
    assert.equal(parser.idleHint, undefined);
    parser.feed(latin1('HTTP/1.1 204 None\r\n\r\n'));
    assert.equal(parser.idleHint, undefined);
  });

  it('is not taken from an interim response', () => {
    const { parser } = parseText('HTTP/1.1 100 x\r\nKeep-Alive: timeout=9\r\n\r\nHTTP/1.1 204 None\r\n\r\n');
    assert.equal(parser.idleHint, undefined);
  });
});
