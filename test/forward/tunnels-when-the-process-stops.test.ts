import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { askWithin } from '../support/ask-within.ts';
import { secureThrough, startForwardProxy } from '../support/forward-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';

const HOST = 'api.vendor.example';

describe('tunnels of a process that stops', () => {
  it('end once the requests in them have their responses; idle ones are closed at once', async () => {
    let answer!: () => void;
    let arrive!: () => void;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const held = new Promise<void>((resolve) => (answer = resolve));
    const slow = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => {
        if (bytes.includes('/quick')) return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        arrive();
        return void held.then(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow'));
      });
    });
    slow.listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const upstream = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    const proxy = await startForwardProxy({
      routes: [{ host: HOST, upstream, account: 'fixed' }],
      shutdown: { drain: '10s' },
    });
    const busy = await secureThrough(proxy, HOST);
    const idle = await secureThrough(proxy, HOST);
    await askWithin(idle, '/quick', { host: HOST });
    // A tunnel whose handshake never comes.
    const silent = connect(proxy.port, '127.0.0.1');
    silent.write(`CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`);
    await once(silent, 'data');
    const asked = askWithin(busy, '/v1', { host: HOST });
    await arrived;
    const idleClosed = once(idle, 'close');
    const stopped = proxy.stop();
    await idleClosed;
    answer();
    const { status, body, connection } = await asked;
    assert.deepEqual([status, body, connection], [200, 'slow', 'close']);
    if (!busy.destroyed) await once(busy, 'close');
    silent.destroy();
    await stopped;
    slow.close();
  });

  it('are cut when the time for draining is over', async () => {
    const vendor = await recordingServer(() => ({ body: 'fine' }));
    const proxy = await startForwardProxy({
      routes: [{ host: HOST, upstream: vendor.url, account: 'fixed' }],
      shutdown: { drain: '300ms' },
    });
    const silent = connect(proxy.port, '127.0.0.1');
    silent.on('error', () => undefined);
    silent.write(`CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`);
    await once(silent, 'data');
    const tls = await secureThrough(proxy, HOST);
    tls.on('error', () => undefined);
    tls.write(`POST /v1 HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 10\r\n\r\nhalf`);
    const cut = Promise.all([once(silent, 'close'), once(tls, 'close')]);
    await proxy.stop();
    await cut;
    await vendor.close();
  });
});
