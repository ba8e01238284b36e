import assert from 'node:assert/strict';
import { ResponseError, ResponseParser, type ResponseHead } from '../../../src/http/client/response-parser.ts';
import { latin1 } from './parse-response.ts';

const SWITCH = 'HTTP/1.1 101 Over to you\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';
const FINAL = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

/** What a parser makes of the pieces for a request that asked for another protocol, or waits for a 100. */
function parse(...pieces: string[]) {
  const seen: string[] = [];
  let head: ResponseHead | undefined;
  const parser = new ResponseParser({
    onHead: ({ status }) => void seen.push(`head ${status}`),
    onBody: (bytes) => void seen.push(`body ${bytes.toString('latin1')}`),
    onEnd: () => void seen.push('end'),
    onContinue: () => void seen.push('continue'),
    onEarlyHints: (fields) => void seen.push(`hints ${fields.join()}`),
    onTrailers: (fields) => void seen.push(`trailers ${fields.join()}`),
    onSwitch(response, rest) {
      head = response;
      seen.push(`switch ${rest.toString('latin1')}`);
    },
  });
  parser.expect('GET');
  for (const piece of pieces) parser.feed(latin1(piece));
  return { parser, seen, head };
}

describe('the responses of a handshake', () => {
  it('a switch of protocols comes with its status, phrase and fields, and what follows is not read as HTTP', () => {
    const { parser, seen, head } = parse(`${SWITCH}HTTP/1.1 200`);
    assert.deepEqual(seen, ['switch HTTP/1.1 200']);
    assert.equal(head?.status, 101);
    assert.equal(head?.reason, 'Over to you');
    assert.deepEqual(head?.headers, ['Upgrade', 'websocket', 'Connection', 'upgrade']);
    assert.equal(parser.inHead, false);
    assert.equal(parser.reusable, false);
    assert.throws(() => parser.feed(latin1('more')), ResponseError);
  });

  it('a switch without a phrase has an empty one, and one in two pieces is one', () => {
    const { seen, head } = parse('HTTP/1.1 101\r\nUpgra', 'de: websocket\r\n\r\n', '');
    assert.deepEqual(seen, ['switch ']);
    assert.equal(head?.reason, '');
    assert.deepEqual(head?.headers, ['Upgrade', 'websocket']);
  });

  it('100 and 103 are told before the final response, other interim responses are not', () => {
    assert.deepEqual(parse(`HTTP/1.1 100 Continue\r\n\r\n${FINAL}`).seen, ['continue', 'head 200', 'body hi', 'end']);
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
    assert.deepEqual(parse(hints + FINAL).seen, ['hints Link,</a>', 'head 200', 'body hi', 'end']);
    assert.deepEqual(parse(`HTTP/1.1 102 Processing\r\n\r\n${FINAL}`).seen, ['head 200', 'body hi', 'end']);
  });

  it('trailers are told before the end, and none if there are none', () => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n';
    // Chunks of one read are passed on together, behind its trailers.
    assert.deepEqual(parse(`${chunked}A: 1\r\nB: 2\r\n\r\n`).seen, ['head 200', 'trailers A,1,B,2', 'body hi', 'end']);
    assert.deepEqual(parse(`${chunked}\r\n`).seen, ['head 200', 'body hi', 'end']);
  });

  it('a switch that nobody asked for is refused with a reason', () => {
    const parser = new ResponseParser({ onHead: () => undefined, onBody: () => undefined, onEnd: () => undefined });
    parser.expect('GET');
    assert.throws(
      () => parser.feed(latin1(SWITCH)),
      (error: unknown) => error instanceof ResponseError && error.message === 'an unrequested protocol switch',
    );
  });
});
