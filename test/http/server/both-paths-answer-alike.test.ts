import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { loopbackCertificate } from '../../support/certificates.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream, type FakeUpstream } from '../../support/fake-upstream.ts';
import { freshFolder } from '../../support/files.ts';
import { dial } from '../../support/wire.ts';

/** Requests for every way an answer can come about: the upstream's in all its framings, and our own. */
const REQUESTS: readonly (readonly [string, string])[] = [
  ['a small reply with a length', 'GET /api/length HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['a small chunked reply', 'GET /api/chunked HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['a reply in pieces', 'GET /api/pieces HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['a large reply with a length', 'GET /api/large HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['a large chunked reply', 'GET /api/large-chunked HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['an empty reply', 'GET /api/empty HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['HEAD with a length', 'HEAD /api/length HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['HEAD without', 'HEAD /api/chunked HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['204', 'DELETE /api/204 HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['304', 'GET /api/304 HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['a reason of its own and no Date', 'GET /api/odd HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['a body', 'POST /api/length HTTP/1.1\r\nHost: proxy\r\nContent-Length: 4\r\n\r\nbody'],
  ['a body of no bytes', 'POST /api/length HTTP/1.1\r\nHost: proxy\r\nContent-Length: 0\r\n\r\n'],
  ['no body where one is usual', 'PUT /api/length HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  [
    'a body larger than what is kept',
    `POST /small/length HTTP/1.1\r\nHost: proxy\r\nContent-Length: 2000\r\n\r\n${'b'.repeat(2000)}`,
  ],
  ['Connection: close', 'GET /api/length HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n'],
  ['Connection: close and a chunked reply', 'GET /api/chunked HTTP/1.1\r\nHost: proxy\r\nConnection: Close\r\n\r\n'],
  ['no route', 'GET /nowhere HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['no route, HEAD', 'HEAD /nowhere HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['an upstream that breaks off', 'GET /api/broken HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['an upstream that breaks off in the middle', 'GET /api/half HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['a dot segment', 'GET /api/../x HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['no Host', 'GET /api/length HTTP/1.1\r\nAccept: */*\r\n\r\n'],
  ['a Host that is none', 'GET /api/length HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['a look-alike of a length', 'POST /api/length HTTP/1.1\r\nHost: proxy\r\nContent_Length: 4\r\n\r\n'],
  [
    'fields of all kinds',
    'GET /api/length HTTP/1.1\r\nHost: proxy\r\nX-Empty:\r\nX-Spaces:  a b \r\nX-Latin: \xfc\xe4\r\nCookie: a=b; c=d\r\nAuthorization: Bearer own\r\nVia: 1.0 other\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n',
  ],
];

function upstream(): Promise<FakeUpstream> {
  return fakeUpstream((request, response) => {
    const path = request.url ?? '';
    if (path === '/length')
      response.writeHead(200, { 'content-length': 4, date: 'Sun, 22 Nov 2026 12:00:00 GMT' }).end('fine');
    else if (path === '/chunked')
      response.writeHead(200, { 'transfer-encoding': 'chunked', date: 'Sun, 22 Nov 2026 12:00:00 GMT' }).end('fine');
    else if (path === '/pieces') {
      response.writeHead(200, { 'x-a': 'b' }).write('one');
      setTimeout(() => response.end('two'), 30);
    } else if (path === '/large') response.writeHead(200, { 'content-length': 300_000 }).end('x'.repeat(300_000));
    else if (path === '/large-chunked') response.writeHead(200).end('y'.repeat(300_000));
    else if (path === '/empty') response.writeHead(200, { 'content-length': 0 }).end();
    else if (path === '/204' || path === '/304') response.writeHead(Number(path.slice(1))).end();
    else if (path === '/odd') {
      response.sendDate = false;
      response.writeHead(299, 'As You Like It', { 'content-length': 2, location: '/elsewhere' }).end('ok');
    } else if (path === '/broken') request.socket.destroy();
    else {
      response.writeHead(200, { 'content-length': 10 }).write('half');
      setTimeout(() => request.socket.destroy(), 30);
    }
  });
}

/**
 * All that comes back until the connection has been silent or closed, with chunks put together: where one ends is
 * nobody's promise.
 */
async function answerTo(base: string, pieces: readonly string[]): Promise<string> {
  const line = await dial(base);
  for (const piece of pieces) {
    line.socket.write(piece, 'latin1');
    await sleep(20);
  }
  let length = -1;
  for (let still = 0; still < 3 && !line.socket.closed; still = line.received().length === length ? still + 1 : 0) {
    length = line.received().length;
    await sleep(60);
  }
  const text = `${line.received()}${line.socket.closed ? '<closed>' : '<open>'}`.replaceAll(
    /[0-9a-f]{12}-[0-9a-z]{6}(?=\r\n|"\})/g,
    'made',
  );
  line.socket.destroy();
  const headEnd = text.indexOf('\r\n\r\n') + 4;
  const head = text
    .slice(0, headEnd)
    .replace(/^date: .*$/im, 'Date: now')
    .replace(/^(via: .*tokenward)-\w+$/im, '$1');
  const body = text.slice(headEnd);
  return (
    head +
    (/^transfer-encoding: chunked/im.test(head)
      ? body.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '|').replaceAll('|', '')
      : body)
  );
}

describe('a plain request gets the same answer as by way of node:http, byte for byte', () => {
  const close = closing();
  const folder = freshFolder();

  for (const transport of ['TCP', 'TLS'])
    for (const [what, request] of REQUESTS) {
      it(`over ${transport}: ${what}`, async function () {
        const own = await close(upstream());
        const proxy = await close(
          startCustomProxy({
            listen: transport === 'TLS' ? { tls: loopbackCertificate(this, folder()) } : {},
            routes: [
              { prefix: '/api', upstream: own.url, account: 'fixed' },
              { prefix: '/small', upstream: own.url, account: 'fixed', maxReplayBody: 1_000, maxBody: 4_000 },
            ],
          }),
        );
        const plain = await answerTo(proxy.url, [request]);
        const seenPlain = own.seen.splice(0);
        // Its first byte alone is no plain request: node:http takes the connection.
        const byNode = await answerTo(proxy.url, [request.slice(0, 1), request.slice(1)]);
        assert.equal(plain, byNode);
        assert.ok(plain.startsWith('HTTP/1.1 '), plain);
        assert.deepEqual(seenPlain, own.seen);
      });
    }

  it('but a body too large, if it is all here, does not cost the connection', async () => {
    const own = await close(upstream());
    const proxy = await close(
      startCustomProxy({
        routes: [{ prefix: '/small', upstream: own.url, account: 'fixed', maxReplayBody: 1_000, maxBody: 4_000 }],
      }),
    );
    const line = await dial(proxy.url);
    line.socket.write(`POST /small/length HTTP/1.1\r\nHost: proxy\r\nContent-Length: 5000\r\n\r\n${'b'.repeat(5000)}`);
    assert.match(await line.until(/\}\n/), /^HTTP\/1\.1 413 /);
    line.socket.write('GET /small/length HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await line.until(/fine$/);
    assert.deepEqual(
      own.seen.map(({ method }) => method),
      ['GET'],
    );
    line.socket.destroy();
  });
});
