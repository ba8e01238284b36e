import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { loopbackCertificate } from '../../support/certificates.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { freshFolder } from '../../support/files.ts';
import { dial } from '../../support/wire.ts';

/** Read by the fast path, and by node:http. */
const READERS = {
  'a plain request': 'GET /api/a HTTP/1.1\r\nHost: proxy\r\n\r\n',
  'one with a chunked body':
    'POST /api/a HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
};

describe('a client that closes its sending half after the request', () => {
  const close = closing();
  const folder = freshFolder();

  for (const [what, request] of Object.entries(READERS)) {
    for (const transport of ['TCP', 'TLS'])
      it(`gets its answer, and then the connection is closed: ${what} over ${transport}`, async function () {
        const upstream = await close(
          fakeUpstream(async (_request, response) => {
            await sleep(300);
            response.end('fine');
          }),
        );
        const proxy = await close(
          startCustomProxy({
            listen: transport === 'TLS' ? { tls: loopbackCertificate(this, folder()) } : {},
            routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
          }),
        );
        const line = await dial(proxy.url);
        line.socket.end(request);
        assert.match(await line.closed(), /^(HTTP\/1\.1 100 Continue\r\n\r\n)*HTTP\/1\.1 200 [\s\S]*fine/);
        assert.equal(upstream.seen.length, 1);
      });

    it(`gets a long answer whole, as long as bytes of it come: ${what}`, async () => {
      const upstream = await close(
        fakeUpstream(async (_request, response) => {
          for (let i = 0; i < 6; i += 1) {
            response.write(`part ${i};`);
            await sleep(400);
          }
          response.end('fine');
        }),
      );
      const proxy = await close(
        startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
      );
      const line = await dial(proxy.url);
      line.socket.end(request);
      assert.match(await line.closed(), /part 5;[\s\S]*fine/);
    });

    it(`gets an answer that takes long, behind interim ones at most: ${what}`, async () => {
      const upstream = await close(
        fakeUpstream(async (_request, response) => {
          await sleep(1_800);
          response.end('fine');
        }),
      );
      const proxy = await close(
        startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
      );
      const line = await dial(proxy.url);
      line.socket.end(request);
      assert.match(await line.closed(), /^(HTTP\/1\.1 100 Continue\r\n\r\n)*HTTP\/1\.1 200 [\s\S]*fine/);
    });

    it(`is told from one that has left altogether: the upstream is not kept at work for that: ${what}`, async () => {
      let left = 0;
      const upstream = await close(fakeUpstream((_request, response) => void response.on('close', () => (left += 1))));
      const proxy = await close(
        startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
      );
      const line = await dial(proxy.url);
      line.socket.write(request);
      await eventually('it has arrived', () => upstream.seen.length === 1);
      line.socket.destroy();
      await eventually('the upstream was told', () => left === 1);
      await eventually(
        'nothing is under way',
        async () => (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 0,
      );
    });
  }

  it('of HTTP/1.0 is not asked, and waited for a second', async () => {
    let left = 0;
    const upstream = await close(fakeUpstream((_request, response) => void response.on('close', () => (left += 1))));
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const line = await dial(proxy.url);
    line.socket.end('GET /api/a HTTP/1.0\r\nHost: proxy\r\n\r\n');
    assert.equal(await line.closed(), '');
    await eventually('the upstream was told', () => left === 1);
  });

  it('gets the answers to all that it has sent ahead', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const line = await dial(proxy.url);
    line.socket.end('GET /api/1 HTTP/1.1\r\nHost: proxy\r\n\r\n'.repeat(3));
    assert.equal((await line.closed()).match(/HTTP\/1\.1 200 /g)?.length, 3);
  });

  it('in the middle of a body gets no request carried out', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
      const line = await dial(proxy.url);
      line.socket.end(`POST /api/a HTTP/1.1\r\nHost: proxy\r\n${framing}\r\n\r\n2\r\nhi\r\n`);
      await line.closed();
    }
    assert.equal(upstream.seen.length, 0);
  });
});
