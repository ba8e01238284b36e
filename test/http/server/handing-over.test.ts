import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

const GET = 'GET /api/get HTTP/1.1\r\nHost: proxy\r\n\r\n';
const chunkedPost = (body: string): string =>
  `POST /api/chunked HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

describe('a connection that goes over to node:http', () => {
  const close = closing();

  async function stage(answer?: Parameters<typeof fakeUpstream>[0]) {
    const upstream = await close(fakeUpstream(answer));
    const proxy = await close(
      startCustomProxy({
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', maxReplayBody: 100_000 }],
      }),
    );
    return { upstream, proxy, line: await dial(proxy.url) };
  }
  const answers = (text: string): number => text.match(/HTTP\/1\.1 200 /g)?.length ?? 0;

  it('loses nothing: plain, chunked and plain again, one after the other', async () => {
    const { upstream, line } = await stage();
    for (let i = 1; i <= 9; i += 1) {
      line.socket.write(i % 3 === 0 ? chunkedPost('hello') : GET);
      await line.until(new RegExp(`(HTTP/1\\.1 200 [^]*fine[^]*){${i}}`));
    }
    assert.deepEqual(
      upstream.seen.map(({ target, body }) => target + body),
      ['/get', '/get', '/chunkedhello', '/get', '/get', '/chunkedhello', '/get', '/get', '/chunkedhello'],
    );
    line.socket.destroy();
  });

  it('answers what was sent ahead, in its order, whether it came with the first request or while that was being answered', async () => {
    const { upstream, line } = await stage(
      (request, response) => void setTimeout(() => response.end(`fine ${request.url!}`), 50),
    );
    line.socket.write(GET + GET.replace('get', 'second') + chunkedPost('third'));
    await line.until(/(fine[^]*){3}/);
    line.socket.write(GET.replace('get', 'fourth'));
    await sleep(10);
    line.socket.write(chunkedPost('fifth') + GET.replace('get', 'sixth'));
    const text = await line.until(/(fine[^]*){6}/);
    assert.deepEqual(
      [...text.matchAll(/fine \/([a-z]+)/g)].map((match) => match[1]),
      ['get', 'second', 'chunked', 'fourth', 'chunked', 'sixth'],
    );
    assert.deepEqual(upstream.seen.map(({ target, body }) => target + body).sort(), [
      '/chunkedfifth',
      '/chunkedthird',
      '/fourth',
      '/get',
      '/second',
      '/sixth',
    ]);
    line.socket.destroy();
  });

  it('answers what was sent ahead of a plain answer, which had all its connection to itself', async () => {
    const { upstream, line } = await stage((_request, response) => void setTimeout(() => response.end('fine'), 50));
    line.socket.write(GET);
    await sleep(20);
    line.socket.write(GET.replace('get', 'second') + GET.replace('get', 'third'));
    const text = await line.until(/(fine[^]*){3}/);
    assert.equal(answers(text), 3);
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      ['/get', '/second', '/third'],
    );
    line.socket.destroy();
  });

  it('does not read without bounds what a caller sends ahead', async () => {
    const { upstream, line } = await stage(
      (request, response) => void setTimeout(() => response.end('fine'), request.url === '/get' ? 700 : 0),
    );
    line.socket.write(GET);
    await sleep(30);
    // More than all the buffers on the way hold.
    const body = randomBytes(16 * 1024 * 1024);
    line.socket.write(`POST /api/large HTTP/1.1\r\nHost: proxy\r\nContent-Length: ${body.length}\r\n\r\n`);
    line.socket.write(body);
    await sleep(300);
    assert.ok(line.socket.writableLength > 0, 'all of it was read');
    await line.until(/(fine[^]*){2}/);
    assert.equal(
      createHash('sha256').update(upstream.seen[1]!.body, 'latin1').digest('hex'),
      createHash('sha256').update(body).digest('hex'),
    );
    line.socket.destroy();
  });

  it('waits for a short body that comes in pieces, and sends it on as one', async () => {
    const { upstream, line } = await stage();
    line.socket.write('POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 9\r\n\r\n');
    for (const piece of ['one', 'two', 'six']) {
      await sleep(20);
      assert.equal(upstream.seen.length, 0);
      line.socket.write(piece);
    }
    await line.until(/fine/);
    assert.equal(upstream.seen[0]!.body, 'onetwosix');
    line.socket.write(GET);
    await line.until(/fine[^]*fine/);
    line.socket.destroy();
  });

  it('takes a body that does not come for as long as node:http would', async () => {
    const { upstream, line } = await stage();
    line.socket.write('POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 9\r\n\r\none');
    await sleep(3_000);
    line.socket.write('twosix');
    await line.until(/fine/);
    assert.equal(upstream.seen[0]!.body, 'onetwosix');
    line.socket.destroy();
  });

  it('counts what a body has beyond its length as the next request', async () => {
    const { upstream, line } = await stage();
    line.socket.write(`POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 3\r\n\r\no`);
    await sleep(20);
    line.socket.write(`ne${GET}`);
    await line.until(/fine[^]*fine/);
    assert.deepEqual(upstream.seen.map(({ method, target, body }) => `${method} ${target} ${body}`).sort(), [
      'GET /get ',
      'POST /a one',
    ]);
    line.socket.destroy();
  });

  it('is told to send its body, where it asks first', async () => {
    const { upstream, line } = await stage();
    line.socket.write(GET);
    await line.until(/fine/);
    line.socket.write('POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    await line.until(/HTTP\/1\.1 100 Continue\r\n\r\n$/);
    line.socket.write('body');
    await line.until(/fine[^]*fine/);
    assert.equal(upstream.seen[1]!.body, 'body');
    line.socket.destroy();
  });

  it('gets the refusal that node:http gives, when nonsense follows a good request', async () => {
    const { upstream, line } = await stage();
    line.socket.write(GET);
    await line.until(/fine/);
    line.socket.write('nonsense\r\n\r\n');
    assert.match(await line.closed(), /fine[^]*HTTP\/1\.1 400 Bad Request\r\n[^]*"request_malformed"/);
    assert.equal(upstream.seen.length, 1);
  });

  it('that says its last word and half-closes is treated as by node:http', async () => {
    const { upstream, line } = await stage();
    line.socket.end('GET /api/get HTTP/1.0\r\n\r\n');
    await line.closed();
    await sleep(100);
    const { line: other } = await stage();
    other.socket.end(GET);
    await other.closed();
    assert.ok(upstream.seen.length <= 1);
  });
});
