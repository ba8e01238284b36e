import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { connect } from 'node:tls';
import { metric } from '../support/call.ts';
import { askWithin } from '../support/ask-within.ts';
import { closing } from '../support/custom-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { connectThrough, secureThrough, startForwardProxy } from '../support/forward-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';
import { requireTool } from '../support/tools.ts';

const run = promisify(execFile);
const HOST = 'api.vendor.example';
const SECOND = 'second.vendor.example';

describe('within a tunnel', () => {
  const close = closing();

  async function start() {
    const vendor = await close(recordingServer(() => ({ body: 'fine' })));
    const proxy = await close(
      startForwardProxy({
        routes: [
          { host: HOST, upstream: vendor.url, account: 'fixed' },
          { host: SECOND, upstream: vendor.url, account: 'fixed' },
          { prefix: '/general', upstream: vendor.url, account: 'fixed' },
        ],
      }),
    );
    const counted = (outcome: string): Promise<number> =>
      metric(proxy.operatorUrl, 'tokenward_tunnels_total', { outcome });
    return { vendor, proxy, counted };
  }

  it('the certificate is for the host of the CONNECT, and the name in the handshake must be the same', async () => {
    const { proxy, counted } = await start();
    const tls = await secureThrough(proxy, HOST);
    assert.equal(tls.getPeerCertificate().subjectaltname, `DNS:${HOST}`);
    assert.equal(tls.alpnProtocol, 'http/1.1');
    tls.destroy();
    await assert.rejects(secureThrough(proxy, HOST, { servername: SECOND }));
    await eventually('it is counted', async () => (await counted('other name')) === 1);
  });

  it('a client that sends no name in the handshake is served', async () => {
    const { vendor, proxy } = await start();
    const { socket } = await connectThrough(proxy, `${HOST}:443`);
    const tls = connect({ socket, ca: proxy.authority, checkServerIdentity: () => undefined });
    await once(tls, 'secureConnect');
    assert.equal((await askWithin(tls, '/v1', { host: HOST })).status, 200);
    assert.equal(vendor.seen.length, 1);
    tls.destroy();
  });

  it('the Host must be the same, too: neither another route nor one with a prefix is reached', async () => {
    const { vendor, proxy } = await start();
    for (const [host, target] of [
      [SECOND, '/v1'],
      ['127.0.0.1', '/general/x'],
      ['localhost', '/general/x'],
      [HOST, `https://${SECOND}/v1`],
      [HOST, `http://${HOST}/v1`],
    ] as const) {
      const tls = await secureThrough(proxy, HOST);
      const { status } = await askWithin(tls, target, { host });
      assert.ok(status === 403 || status === 400, `${host} ${target}: ${status}`);
      tls.destroy();
    }
    assert.equal(vendor.seen.length, 0);
    const tls = await secureThrough(proxy, HOST);
    const answers = [`/general/x`, `https://${HOST}/y`].map((target) => [target, HOST] as const);
    for (const [target, host] of answers) {
      assert.equal((await askWithin(tls, target, { host: `${host}:443` })).status, 200, target);
    }
    assert.deepEqual(
      vendor.seen.map(({ url }) => url),
      ['/general/x', '/y'],
    );
    tls.destroy();
  });

  it('a client that renegotiates again and again is cut, as by any server of Node', async () => {
    const { proxy } = await start();
    const { socket } = await connectThrough(proxy, `${HOST}:443`);
    const tls = connect({ socket, ca: proxy.authority, servername: HOST, maxVersion: 'TLSv1.2' });
    tls.on('error', () => undefined);
    await once(tls, 'secureConnect');
    const closed = once(tls, 'close');
    let done = 0;
    const again = (): void =>
      void tls.renegotiate({}, (error) => {
        if (error !== null || tls.destroyed) return;
        done += 1;
        if (done < 20) again();
      });
    again();
    await closed;
    assert.ok(done < 5, String(done));
  });

  it('no further tunnel is had', async () => {
    const { proxy } = await start();
    const tls = await secureThrough(proxy, HOST);
    tls.write(`CONNECT ${SECOND}:443 HTTP/1.1\r\nHost: ${SECOND}:443\r\n\r\n`);
    const [answer] = (await once(tls, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 405 /);
    tls.destroy();
  });

  it('a client that does not trust the authority is told of in the log, with the way to export it', async function () {
    const { proxy, counted } = await start();
    // Node leaves without a word; OpenSSL says why.
    await assert.rejects(secureThrough(proxy, HOST, { ca: '' }), /certificate/);
    const curl = requireTool(this, 'curl');
    const options = { encoding: 'utf8' } as const;
    const { stderr } = await run(curl, ['-sS', '--proxy', proxy.url, `https://${HOST}/`], options).catch(
      (error: unknown) => error as { stderr: string },
    );
    assert.match(stderr, /certificate/);
    await eventually('both are counted', async () => (await counted('untrusted')) === 2);
    const lines = proxy.lines.filter((line) => line.includes('does not trust the authority'));
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, new RegExp(`"upstream":"${HOST}".*tokenward ca export`));
  });
});
