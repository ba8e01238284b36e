import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { FastRequest, readFastHead } from '../../../src/http/server/fast/request.ts';

const HEAD = 'POST /a?b HTTP/1.1\r\nHost: a\r\nX-Tests: Host\r\nX-Empty:\r\nX-Tesst: 2\r\n\r\n';

describe('a request of the fast engine', () => {
  const socket = new Socket();
  const head = readFastHead(Buffer.from(HEAD), 1_024)!;

  it('is a whole message of HTTP/1.1, whose client waits for nothing', () => {
    const { httpVersion, complete, expectsContinue, method, url, rawHeaders, ...rest } = new FastRequest(
      head,
      undefined,
      socket,
    );
    assert.deepEqual([httpVersion, complete, expectsContinue], ['1.1', true, false]);
    assert.deepEqual([method, url], ['POST', '/a?b']);
    assert.deepEqual(rawHeaders, ['Host', 'a', 'X-Tests', 'Host', 'X-Empty', '', 'X-Tesst', '2']);
    assert.equal(rest.socket, socket);
  });

  it('has its body in memory, or none', () => {
    const body = Buffer.from('ok');
    assert.equal(new FastRequest(head, body, socket).bodySource, body);
    assert.equal(new FastRequest(head, undefined, socket).bodySource, 'none');
  });

  it('finds fields by their names in lower case', () => {
    const request = new FastRequest(head, undefined, socket);
    for (const [name, value] of [
      ['host', 'a'],
      ['x-tests', 'Host'],
      ['x-tesst', '2'],
      ['x-empty', ''],
      ['x-empt', undefined],
      ['x-tess', undefined],
      ['x-tessts', undefined],
      ['a', undefined],
      ['', undefined],
    ] as const)
      assert.equal(request.field(name), value, name);
  });

  it('is validated as long as its fields are', () => {
    const request = new FastRequest(head, undefined, socket);
    assert.equal(request.validated, false);
    request.validated = true;
    assert.deepEqual([request.validated, head.fields.validated], [true, true]);
    assert.equal(new FastRequest(head, undefined, socket).validated, true);
    request.validated = false;
    assert.equal(head.fields.validated, false);
  });

  it('has dropped its body at once', () => {
    let done = 0;
    new FastRequest(head, Buffer.from('ok'), socket).discardBody(() => (done += 1));
    assert.equal(done, 1);
  });
});
