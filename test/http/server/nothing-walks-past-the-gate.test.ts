import assert from 'node:assert/strict';
import { metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

const NEXT = 'DELETE /api/smuggled HTTP/1.1\r\nHost: proxy\r\n\r\n';

describe('a request that node:http would answer by itself', () => {
  const close = closing();

  async function say(text: string) {
    const upstream = await close(fakeUpstream((_request, response) => setTimeout(() => response.end('fine'), 30)));
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const line = await dial(proxy.url);
    line.socket.write(text);
    return { upstream, proxy, answer: await line.closed() };
  }

  for (const fields of [
    'Host: proxy\r\nHost: other\r\nContent-Length: 0',
    `Host: proxy\r\nContent-Length: ${NEXT.length}`,
    'Host: proxy',
  ]) {
    it(`with an unknown expectation is refused with a document, and nothing behind it is carried out: ${fields.replaceAll('\r\n', ', ')}`, async () => {
      const { upstream, proxy, answer } = await say(`POST /api/a HTTP/1.1\r\n${fields}\r\nExpect: x\r\n\r\n${NEXT}`);
      assert.match(
        answer,
        /^HTTP\/1\.1 4(17|00) [^]*\{"type":"urn:tokenward:error:(expectation_failed|request_malformed)"/,
      );
      assert.match(answer, /^connection: close\r$/im);
      assert.equal(upstream.seen.length, 0);
      assert.equal(answer.match(/HTTP\/1\.1 /g)!.length, 1);
      assert.equal(
        await metric(proxy.operatorUrl, 'tokenward_errors_total', {
          route: 'unmatched',
          reason: /expectation/.test(answer) ? 'expectation_failed' : 'request_malformed',
        }),
        1,
      );
    });
  }

  it('with CONNECT is told that this is no forward proxy', async () => {
    const { upstream, proxy, answer } = await say(
      `CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n${NEXT}`,
    );
    assert.match(
      answer,
      /^HTTP\/1\.1 405 Method Not Allowed\r\n[^]*X-Tokenward-Error: method_refused[^]*not a forward proxy/,
    );
    assert.equal(upstream.seen.length, 0);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_errors_total', { reason: 'method_refused' }), 1);
  });

  it('with CONNECT takes no answer from the one before it', async () => {
    const { upstream, answer } = await say(
      'GET /api/good HTTP/1.1\r\nHost: proxy\r\n\r\nCONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1\.1 200 OK[^]*fine[^]*HTTP\/1\.1 405 /);
    assert.equal(upstream.seen.length, 1);
  });
});
