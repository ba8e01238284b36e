import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { closing, FIXED_TOKEN } from '../support/custom-proxy.ts';
import { startForwardProxy } from '../support/forward-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';
import { requireTool } from '../support/tools.ts';
import { dial, httpServer } from '../support/wire.ts';

const run = promisify(execFile);

const HOST = 'api.vendor.example';
const CONNECT = `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`;

/** A TLS client that sends its first message in one packet with the CONNECT, without waiting for the response. */
const EARLY = `
import socket, ssl, sys
port, authority, host = int(sys.argv[1]), sys.argv[2], sys.argv[3]
received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = ssl.create_default_context(cafile=authority).wrap_bio(received, to_send, server_hostname=host)
connection = socket.create_connection(('127.0.0.1', port), 10)

def until(step):
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            connection.sendall(to_send.read())
            received.write(connection.recv(65536))

try:
    tls.do_handshake()
except ssl.SSLWantReadError:
    pass
connection.sendall(f'CONNECT {host}:443 HTTP/1.1\\r\\nHost: {host}:443\\r\\n\\r\\n'.encode() + to_send.read())
head = b''
while b'\\r\\n\\r\\n' not in head:
    head += connection.recv(1)
until(tls.do_handshake)
tls.write(f'GET /v1 HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n'.encode())
print(until(lambda: tls.read(1000)).decode())
`;

for (const engine of ['fast', 'express'] as const)
  describe(`a CONNECT, read by the ${engine} engine`, () => {
    const close = closing();

    async function start(listen: Record<string, unknown> = {}) {
      const vendor = await close(recordingServer(() => ({ body: 'fine' })));
      const proxy = await close(
        startForwardProxy({
          listen: { engine, ...listen },
          routes: [
            { host: HOST, upstream: vendor.url, account: 'fixed' },
            { prefix: '/general', upstream: vendor.url, account: 'fixed' },
          ],
        }),
      );
      return { vendor, proxy };
    }

    const opened = async (proxy: { url: string }, text: string): Promise<string> => {
      const line = await dial(proxy.url);
      line.socket.write(text);
      const answer = await line.until(/\r\n\r\n/);
      line.socket.destroy();
      return /^HTTP\/1\.1 (\d+)/.exec(answer)![1]!;
    };

    it('may be of HTTP/1.0 without a Host, lack the port in it, or name the listener there', async () => {
      const { proxy } = await start();
      for (const text of [
        CONNECT,
        `CONNECT ${HOST}:443 HTTP/1.0\r\n\r\n`,
        `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
        `CONNECT ${HOST.toUpperCase()}.:443 HTTP/1.1\r\nHost: ${HOST}:443\r\nProxy-Connection: keep-alive\r\n\r\n`,
        `CONNECT ${HOST}:443 HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\nContent-Length: 0\r\n\r\n`,
      ])
        assert.equal(await opened(proxy, text), '200', text);
    });

    it('is refused where two readers could understand it differently', async () => {
      const { vendor, proxy } = await start();
      for (const [text, status] of [
        [`CONNECT ${HOST}:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n`, '400'],
        [`CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:80\r\n\r\n`, '400'],
        [`CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}\r\nHost: ${HOST}\r\n\r\n`, '400'],
        [`CONNECT ${HOST}:443 HTTP/1.1\r\n\r\n`, '400'],
        [`CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 5\r\n\r\nhello`, '400'],
        [`CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, '400'],
        [`CONNECT ${HOST}:443 HTTP/2.0\r\nHost: ${HOST}\r\n\r\n`, '400'],
        [`CONNECT ${HOST}:443 HTTP/0.9\r\n\r\n`, '400'],
        [`CONNECT ${HOST} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, '400'],
        [`CONNECT ${HOST}:0 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, '400'],
        [`CONNECT ${HOST}:99999 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, '400'],
        [`CONNECT user@${HOST}:443 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, '400'],
        [`CONNECT http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, '400'],
        [`CONNECT /general/x HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, '400'],
        [`CONNECT ${HOST}:8443 HTTP/1.1\r\nHost: ${HOST}:8443\r\n\r\n`, '403'],
        [`CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n`, '403'],
        [`CONNECT 127.0.0.1:${proxy.port} HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\n\r\n`, '403'],
        [`CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n`, '403'],
      ] as const)
        assert.equal(await opened(proxy, text), status, text);
      assert.equal(vendor.seen.length, 0);
    });

    it('may come with the beginning of the handshake in the same packet', async function () {
      const python = requireTool(this, 'python3');
      const { vendor, proxy } = await start();
      const { stdout } = await run(python, ['-c', EARLY, String(proxy.port), proxy.authorityFile, HOST]);
      assert.match(stdout, /HTTP\/1\.1 200 OK/);
      assert.equal(vendor.seen[0]?.headers.authorization, `Bearer ${FIXED_TOKEN}`);
    });

    it('may come byte by byte', async () => {
      const { proxy } = await start();
      const line = await dial(proxy.url);
      line.socket.setNoDelay(true);
      for (const byte of CONNECT) {
        line.socket.write(byte);
        await new Promise(setImmediate);
      }
      assert.match(await line.until(/\r\n\r\n/), /^HTTP\/1\.1 200/);
      line.socket.destroy();
    });

    it('may follow requests whose responses are complete, and not one whose response is not', async () => {
      const { proxy } = await start();
      const line = await dial(proxy.url);
      line.socket.write('GET /general/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      await line.until(/fine/);
      line.socket.write(CONNECT);
      assert.match(await line.until(/Established/), /^HTTP\/1\.1 200/);
      line.socket.destroy();
      const second = await dial(proxy.url);
      second.socket.write(`GET /general/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n${CONNECT}\x16\x03\x01`);
      const all = await second.closed();
      assert.deepEqual(all.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 200', 'HTTP/1.1 400']);
    });

    it('takes nothing from the response before it, however long that is or takes', async function () {
      this.timeout(20_000);
      const size = 20_000_000;
      const slow = await close(
        httpServer((_request, response) => {
          setTimeout(() => response.end(Buffer.alloc(size, 'x')), 6_000);
        }),
      );
      const proxy = await close(
        startForwardProxy({
          listen: { engine },
          routes: [
            { host: HOST, upstream: slow.url },
            { prefix: '/slow', upstream: slow.url },
          ],
        }),
      );
      const line = await dial(proxy.url);
      line.socket.write(`GET /slow/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n${CONNECT}`);
      const all = await line.closed();
      assert.deepEqual(all.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 200']);
      assert.equal(all.indexOf('HTTP/1.1 400') - all.indexOf('\r\n\r\n') - 4, size);
    });

    it('that is refused is closed in the end, also if the client does not close', async function () {
      this.timeout(20_000);
      const { proxy } = await start();
      const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
      const broken = once(socket, 'error');
      socket.resume().write(CONNECT.replaceAll(HOST, 'other.example'));
      await once(socket, 'end');
      const timer = setInterval(() => socket.write('x'), 200);
      assert.match(String((await broken)[0]), /EPIPE|ECONNRESET/);
      clearInterval(timer);
    });

    it('needs the field that listen.requireHeader names; requests within do not', async () => {
      const { proxy } = await start({ requireHeader: 'X-Own' });
      assert.equal(await opened(proxy, CONNECT), '403');
      assert.equal(await opened(proxy, CONNECT.replace('\r\n\r\n', '\r\nX-Own: 1\r\n\r\n')), '200');
    });

    it('may be for port 80: plain HTTP within', async () => {
      const { vendor, proxy } = await start();
      const line = await dial(proxy.url);
      line.socket.write(`CONNECT ${HOST}:80 HTTP/1.1\r\nHost: ${HOST}:80\r\n\r\n`);
      await line.until(/Established\r\n\r\n/);
      line.socket.write(`GET /v1 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
      await line.until(/fine/);
      assert.equal(vendor.seen[0]?.headers.authorization, `Bearer ${FIXED_TOKEN}`);
      line.socket.destroy();
    });
  });
