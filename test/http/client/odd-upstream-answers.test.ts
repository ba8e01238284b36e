import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { call, type Answer } from '../../support/call.ts';
import { startProxy, type RunningProxy } from '../../support/proxy.ts';
import { dial, tcpServer, type TestServer } from '../../support/wire.ts';
import { ownCode, withRoute } from '../../support/world.ts';

describe('an upstream whose answers are written by hand', () => {
  let sandbox: Sandbox;
  let proxy: RunningProxy;
  let upstream: TestServer;
  let answer: (socket: Socket, request: string) => void = () => undefined;
  let arrivals = 0;
  before(async () => {
    sandbox = await startSandbox();
    upstream = await tcpServer((socket) => {
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
        const end = text.indexOf('\r\n\r\n');
        if (end === -1) return;
        const length = Number(text.match(/content-length: (\d+)/i)?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        arrivals += 1;
        const request = text;
        text = '';
        answer(socket, request);
      });
    });
    proxy = await startProxy(sandbox, { config: withRoute('/softline', { upstream: upstream.url }) });
  });
  after(async () => {
    await proxy.stop();
    await upstream.close();
    await sandbox.close();
  });
  beforeEach(() => {
    arrivals = 0;
  });

  async function relayed(bytes: string, options: { method?: string; body?: string } = {}): Promise<Answer> {
    answer = (socket) => socket.write(bytes, 'latin1');
    return call(proxy.url, '/softline/x', options);
  }

  it('a 304 with a Content-Length is whole without a body, and so is the next answer', async () => {
    for (let i = 0; i < 5; i += 1) {
      const reply = await relayed('HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: "a"\r\n\r\n');
      assert.equal(reply.status, 304);
      assert.equal(reply.headers['etag'], '"a"');
      assert.equal(reply.body.length, 0);
    }
    assert.equal(arrivals, 5);
    assert.equal((await relayed('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')).text, 'ok');
  });

  it('103 Early Hints before the answer are left out', async () => {
    const reply = await relayed(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    );
    assert.equal(reply.status, 200);
    assert.equal(reply.text, 'ok');
    assert.equal(reply.headers['link'], undefined);
  });

  it('100 Continue that nobody asked for does not spoil the answer behind it', async () => {
    for (const options of [{}, { method: 'POST', body: '{}' }]) {
      const reply = await relayed(
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
        options,
      );
      assert.equal(reply.status, 200);
      assert.equal(reply.text, 'ok');
      answer = (socket) => {
        socket.write('HTTP/1.1 100 Continue\r\nX-Odd: 1\r\n\r\n');
        setTimeout(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 20);
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlater'), 40);
      };
      assert.equal((await call(proxy.url, '/softline/x', options)).text, 'later');
    }
    assert.equal(arrivals, 4);
  });

  it('a body that reads like a 100 Continue passes as it is', async () => {
    const body = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n';
    answer = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length * 2}\r\n\r\n`);
      setTimeout(() => socket.write(body), 20);
      setTimeout(() => socket.write(body), 40);
    };
    assert.equal((await call(proxy.url, '/softline/x', { method: 'POST', body: '{}' })).text, body + body);
  });

  it('a body that ends with the connection arrives whole', async () => {
    answer = (socket) => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it');
    assert.equal((await call(proxy.url, '/softline/x')).text, 'all of it');
  });

  it('a status nobody knows and a reason phrase pass; an odd reason phrase is left out', async () => {
    assert.equal((await relayed('HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nok')).status, 299);
    assert.equal((await relayed('HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\nok')).status, 599);
    assert.equal((await relayed('HTTP/1.1 200 gr\xfc\xdfe\r\nContent-Length: 2\r\n\r\nok')).status, 200);
  });

  it('header fields of one name stay apart, in their order and spelling', async () => {
    const reply = await relayed(
      'HTTP/1.1 200 OK\r\nX-Odd-CASE: 1\r\nx-odd-case: 2\r\nLink: a\r\nLink: b\r\nX-Latin: caf\xe9\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n',
    );
    const own = [];
    for (let i = 0; i < reply.rawHeaders.length; i += 2)
      // The request's id is tokenward's own.
      if (/^(x-(?!request-id)|link)/i.test(reply.rawHeaders[i]!))
        own.push([reply.rawHeaders[i], reply.rawHeaders[i + 1]]);
    assert.deepEqual(own, [
      ['X-Odd-CASE', '1'],
      ['x-odd-case', '2'],
      ['Link', 'a'],
      ['Link', 'b'],
      ['X-Latin', 'caf\xe9'],
      ['X-Empty', ''],
    ]);
  });

  const broken: readonly (readonly [string, string])[] = [
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['a header without a colon', 'HTTP/1.1 200 OK\r\nbroken\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    [
      'length and chunks at once',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a header of 70 KiB', `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(70 * 1024)}\r\nContent-Length: 0\r\n\r\n`],
    ['a header with a control byte', 'HTTP/1.1 200 OK\r\nX-Bad: a\x01b\r\nContent-Length: 2\r\n\r\nok'],
    ['an end without an answer', ''],
  ];
  for (const [name, bytes] of broken) {
    it(`${name}: 502 upstream_broken to a POST, which is sent once`, async () => {
      answer = (socket) => socket.end(bytes, 'latin1');
      const reply = await call(proxy.url, '/softline/x', { method: 'POST', body: '{}' });
      assert.equal(reply.status, 502);
      assert.equal(ownCode(reply), 'upstream_broken');
      assert.equal(arrivals, 1);
    });
  }

  it('an announced trailer does no harm', async () => {
    const reply = await relayed(
      'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n',
    );
    assert.equal(reply.text, 'ok');
    assert.equal(reply.headers['trailer'], undefined);
  });

  it('bytes behind the end of an answer never reach the next caller', async () => {
    answer = (socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen');
    const texts: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      const reply = await call(proxy.url, '/softline/x', { method: 'POST', body: '{}' });
      texts.push(reply.status === 200 ? reply.text : ownCode(reply));
    }
    assert.ok(!texts.includes('stolen'), texts.join(' '));
  });

  it('a caller who sends a trailer does no harm either', async () => {
    answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const line = await dial(proxy.url);
    line.socket.write(
      'GET /softline/x HTTP/1.1\r\nHost: proxy\r\nTrailer: X-Sum\r\nTE: trailers\r\nConnection: close\r\n\r\n',
    );
    assert.match(await line.closed(), /^HTTP\/1\.1 200 /);
  });
});
