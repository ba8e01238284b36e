import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy } from '../../support/proxy.ts';
import { patternSha256, pieces, upload } from '../../support/upload.ts';
import { dial, httpServer } from '../../support/wire.ts';
import { freshWorld, VENDORS, withRoute } from '../../support/world.ts';

const MIB = 1024 * 1024;

/** How far the resident memory rises while something runs. A dry run first: the heap grows to its working size once. */
async function rise(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5);
  await work();
  clearInterval(timer);
  return Math.max(most, process.memoryUsage.rss()) - before;
}

describe('a stream', function () {
  // 200 MiB take their time on a machine that does other work as well.
  this.timeout(60_000);
  const world = freshWorld();

  for (const { vendor, helpers } of VENDORS) {
    it(`${vendor}: the first event arrives while the others are still to come`, async () => {
      const { sandbox, proxy } = world();
      const line = await dial(proxy.url);
      line.socket.write(`GET ${helpers}/sse?events=3&ms=60000 HTTP/1.1\r\nHost: proxy\r\n\r\n`);
      const text = await line.until(/data: \{"n":1\}/);
      assert.match(text, /content-type: text\/event-stream/i);
      assert.equal(sandbox.ledger.last({ vendor, kind: 'api' })?.finishedAt, null, 'the stream must still be open');
      line.socket.destroy();
      await sandbox.ledger.idle();
    });
  }

  it('a head is passed on before there is a body', async () => {
    const upstream = await httpServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.flushHeaders();
    });
    const proxy = await startProxy(world().sandbox, { config: withRoute('/softline', { upstream: upstream.url }) });
    const line = await dial(proxy.url);
    line.socket.write('GET /softline/x HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await line.until(/^HTTP\/1\.1 200 [^]*\r\n\r\n/);
    line.socket.destroy();
    await proxy.stop();
    await upstream.close();
  });

  it('an upload goes up while it comes in, and the answer down while the upload goes on', async () => {
    const { proxy } = world();
    const line = await dial(proxy.url);
    const half = 'x'.repeat(2 * MIB);
    line.socket.write(
      `POST /softline/v1/sandbox/echo HTTP/1.1\r\nHost: proxy\r\nContent-Length: ${4 * MIB}\r\nConnection: close\r\n\r\n${half}`,
    );
    await line.until(/\r\n\r\nx{1000}/);
    line.socket.write(half);
    const text = await line.closed();
    assert.equal(text.length - text.indexOf('\r\n\r\n') - 4, 4 * MIB);
  });

  it('a download of 200 MiB arrives whole, in bounded memory', async function () {
    this.timeout(20_000);
    const { proxy } = world();
    const download = async (bytes: number): Promise<void> => {
      const outgoing = request(`${proxy.url}/crm/v1/sandbox/bytes/${bytes}`);
      outgoing.end();
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
      const hash = createHash('sha256');
      for await (const chunk of incoming) hash.update(chunk as Buffer);
      assert.equal(hash.digest('hex'), patternSha256(bytes));
    };
    await download(60 * MIB);
    const rose = await rise(() => download(200 * MIB));
    assert.ok(rose < 64 * MIB, `${Math.round(rose / MIB)} MiB`);
  });

  it('a caller who does not read holds the upstream back, not the memory', async () => {
    const { sandbox, proxy } = world();
    await world().call('/crm/v1/licenses');
    const line = await dial(proxy.url);
    line.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    line.socket.write(`GET /crm/v1/sandbox/bytes/${300 * MIB} HTTP/1.1\r\nHost: proxy\r\n\r\n`);
    // Nothing tells that something stands still: the time in which all of it would be here otherwise.
    let most = 0;
    for (let i = 0; i < 75; i += 1) {
      await sleep(20);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    assert.ok(most < 32 * MIB, `${Math.round(most / MIB)} MiB`);
    assert.equal(sandbox.ledger.open().chatapp, 1, 'the upstream was not held back');
    line.socket.destroy();
    await sandbox.ledger.idle();
  });

  for (const [name, sized] of [
    ['with a length', true],
    ['chunked', false],
  ] as const) {
    it(`an upload of 200 MiB ${name} arrives whole, in bounded memory`, async function () {
      this.timeout(20_000);
      const { sandbox, proxy } = world();
      const send = async (bytes: number): Promise<void> => {
        const answer = await upload(proxy.url, '/crm/v1/sandbox/anything', pieces(bytes), {
          length: sized ? bytes : false,
        });
        assert.equal(answer.status, 404);
        assert.equal(sandbox.ledger.last({ kind: 'api' })?.bodySha256, patternSha256(bytes));
      };
      await send(60 * MIB);
      const rose = await rise(() => send(200 * MIB));
      assert.ok(rose < 64 * MIB, `${Math.round(rose / MIB)} MiB`);
    });
  }

  it('200 MiB up and down at once, compared byte for byte', async function () {
    this.timeout(20_000);
    const { proxy } = world();
    await world().call('/crm/v1/licenses');
    const { hostname, port } = new URL(proxy.url);
    const outgoing = request({
      hostname,
      port,
      method: 'POST',
      path: '/crm/v1/sandbox/echo',
      headers: { 'content-length': 200 * MIB },
    });
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    void (async () => {
      for (const piece of pieces(200 * MIB)) if (!outgoing.write(piece)) await once(outgoing, 'drain');
      outgoing.end();
    })();
    const [incoming] = await answered;
    const hash = createHash('sha256');
    for await (const chunk of incoming) hash.update(chunk as Buffer);
    assert.equal(hash.digest('hex'), patternSha256(200 * MIB));
  });
});
