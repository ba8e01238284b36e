import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect as connectTls, createServer as createTls } from 'node:tls';
import { promisify } from 'node:util';
import express from 'express';
import { createHttpServer } from '../../../src/http/server/server.ts';
import type { OutboundResponse } from '../../../src/http/server/exchange.ts';
import { Authority } from '../../support/certificates.ts';
import { closing, FIXED_TOKEN, startCustomProxy } from '../../support/custom-proxy.ts';
import { freshFolder } from '../../support/files.ts';
import { requireTool } from '../../support/tools.ts';
import { frame, handshake, TEXT, webSocketUpstream } from '../../support/web-socket.ts';
import { dial, tcpServer } from '../../support/wire.ts';

const run = promisify(execFile);

/** A WebSocket client of Python's standard library alone. */
const PYTHON = `
import base64, hashlib, os, socket, ssl, struct, sys
host, port, path, ca = sys.argv[1:5]
sock = ssl.create_default_context(cafile=ca).wrap_socket(socket.create_connection((host, int(port))), server_hostname=host)
key = base64.b64encode(os.urandom(16)).decode()
sock.sendall(f"GET {path} HTTP/1.1\\r\\nHost: {host}:{port}\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Key: {key}\\r\\nSec-WebSocket-Version: 13\\r\\nOrigin: https://{host}:{port}\\r\\n\\r\\n".encode())
stream = sock.makefile("rb")
assert stream.readline().startswith(b"HTTP/1.1 101 "), "no upgrade"
fields = {}
for line in iter(stream.readline, b"\\r\\n"):
    name, value = line.decode().split(":", 1)
    fields[name.lower()] = value.strip()
accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
assert fields["sec-websocket-accept"] == accept and fields["upgrade"].lower() == "websocket"
def send(opcode, data):
    mask = os.urandom(4)
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\\xfe" + struct.pack(">H", len(data))
    sock.sendall(bytes([0x80 | opcode]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))
def receive():
    opcode, length = stream.read(2)
    if length == 126: length = struct.unpack(">H", stream.read(2))[0]
    return opcode & 15, stream.read(length)
for data in (b"hello", os.urandom(50000)):
    send(2, data)
    assert receive() == (2, data)
send(9, b"ping?")
assert receive()[1] == b"ping?"
send(8, struct.pack(">H", 1000))
assert receive() == (8, struct.pack(">H", 1000))
assert stream.read() == b""
print("all is well")
`;

describe('a WebSocket', () => {
  const folder = freshFolder();
  const close = closing();

  it('by TLS on both sides, for a client of Python alone', async function () {
    const python = requireTool(this, 'python3');
    const authority = new Authority(this, folder());
    const { certFile, keyFile, cert, key } = authority.issue({
      cn: 'loopback',
      names: [
        ['DNS', 'localhost'],
        ['IP', '127.0.0.1'],
      ],
    });
    const upstream = await close(webSocketUpstream({ tls: { cert, key } }));
    const proxy = await close(
      startCustomProxy({
        listen: { tls: { certFile, keyFile } },
        routes: [
          {
            prefix: '/api',
            upstream: upstream.url,
            account: 'fixed',
            upgrade: ['websocket'],
            tls: { caFile: authority.caFile },
          },
        ],
      }),
    );
    const { stdout } = await run(python, [
      '-c',
      PYTHON,
      'localhost',
      new URL(proxy.url).port,
      '/api/x',
      authority.caFile,
    ]);
    assert.equal(stdout, 'all is well\n');
    const [seen] = upstream.handshakes;
    assert.equal(seen!.headers.authorization, `Bearer ${FIXED_TOKEN}`);
    assert.equal(seen!.headers.origin, upstream.url);
  });

  it('that curl asks for, by a route that has a host', async function () {
    const curl = requireTool(this, 'curl');
    const upstream = await close(webSocketUpstream({ serve: ({ socket }) => void socket.end('\x81\x02hi') }));
    const proxy = await close(
      startCustomProxy({
        routes: [{ host: 'api.vendor.example', upstream: upstream.url, account: 'fixed', upgrade: ['websocket'] }],
      }),
    );
    const { port } = new URL(proxy.url);
    const { stdout } = await run(curl, [
      ...['--silent', '--include', '--no-buffer', '--http1.1', '--max-time', '5'],
      ...['--resolve', `api.vendor.example:${port}:127.0.0.1`],
      ...['-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket', '-H', 'Sec-WebSocket-Version: 13'],
      ...['-H', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
      `http://api.vendor.example:${port}/chat`,
    ]).catch((error: unknown) => error as { stdout: string });
    assert.match(stdout, /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*hi$/);
    assert.equal(upstream.handshakes[0]!.target, '/chat');
  });

  it("through an egress proxy's tunnel", async () => {
    const upstream = await close(webSocketUpstream());
    const asked: string[] = [];
    // Addresses of this host never go through one: a name that only the proxy knows.
    const egress = await close(
      tcpServer((socket) => {
        socket.once('data', (head: Buffer) => {
          asked.push(head.toString().split('\r\n', 1)[0]!);
          void dial(upstream.url).then(({ socket: far }) => {
            far.setEncoding('latin1').removeAllListeners('data');
            socket.write('HTTP/1.1 200 OK\r\n\r\n');
            socket.on('data', (bytes) => far.write(bytes)).on('close', () => far.destroy());
            far.on('data', (text: string) => socket.write(text, 'latin1')).on('close', () => socket.destroy());
          });
        });
      }),
    );
    const proxy = await close(
      startCustomProxy({
        egressProxy: egress.url,
        routes: [{ prefix: '/api', upstream: 'http://api.vendor.example', account: 'fixed', upgrade: ['websocket'] }],
      }),
    );
    const line = await dial(proxy.url);
    line.socket.write(handshake('/api/a'));
    await line.until(/101 [^]*\r\n\r\n/);
    line.socket.write(frame(TEXT, 'far away', true));
    await line.until(/far away/);
    line.socket.destroy();
    assert.deepEqual(asked, ['CONNECT api.vendor.example:80 HTTP/1.1']);
  });

  it('on a server that gets its connections from another one, as from the end of a tunnel', async function () {
    const authority = new Authority(this, folder());
    const { cert, key } = authority.issue({ cn: 'loopback', names: [['DNS', 'localhost']] });
    const joined: OutboundResponse[] = [];
    const inner = createHttpServer(express(), {
      headerBytes: 16_384,
      upgrades: {
        knows: (protocol) => protocol === 'websocket',
        handle: (request, response) => {
          joined.push(response);
          assert.equal(request.upgradeTo, 'websocket');
          const { socket } = response.switchProtocols!(['upgrade', 'websocket']);
          socket.on('data', (bytes: Buffer) => socket.end(`${request.url!} ${bytes.toString()}`)).resume();
        },
      },
    }) as Server;
    const tunnels = createTls({ cert, key }, (socket) => inner.emit('connection', socket));
    tunnels.listen(0, '127.0.0.1');
    await once(tunnels, 'listening');
    const { port } = tunnels.address() as { port: number };
    const client = connectTls({ host: '127.0.0.1', port, servername: 'localhost', ca: authority.ca });
    await once(client, 'secureConnect');
    client.write(`${handshake('/inside')}early bytes`);
    let text = '';
    client.setEncoding('latin1').on('data', (piece: string) => (text += piece));
    await once(client, 'close');
    assert.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\/inside early bytes$/);
    assert.equal(joined.length, 1);
    await new Promise((resolve) => tunnels.close(resolve));
  });
});
