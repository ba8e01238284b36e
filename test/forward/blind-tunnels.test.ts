import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { lookupForTunnel, mayTunnelTo, FORBIDDEN } from '../../src/forward/addresses.ts';
import { allowList } from '../../src/forward/allow-list.ts';
import { join } from '../../src/forward/blind-tunnel.ts';
import { metric } from '../support/call.ts';
import { closing } from '../support/custom-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { connectThrough, startForwardProxy } from '../support/forward-proxy.ts';

/** A corporate proxy whose tunnels all lead to an echo: names need not exist. */
async function echoProxy(): Promise<{ url: string; asked: string[]; close(): Promise<void> }> {
  const asked: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (head) => {
      asked.push(head.toString().split('\r\n')[0]!);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(socket);
    });
  });
  return { url: await urlOf(server), asked, close: async () => void server.close() };
}

async function urlOf(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a tunnel to a host that no route names', () => {
  const close = closing();

  it('passes bytes unread, in both directions and until both have ended, if the allow-list names it', async () => {
    const outside = await close(echoProxy());
    const proxy = await close(
      startForwardProxy({
        egressProxy: outside.url,
        listen: { forward: { tunnel: ['pypi.example', '*.b.example:8443'] } },
      }),
    );
    for (const target of ['pypi.example:443', 'x.y.b.example:8443']) {
      const { status, socket } = await connectThrough(proxy, target);
      assert.equal(status, 200, target);
      const big = Buffer.alloc(3_000_000, 'abc');
      const received: Buffer[] = [];
      socket.on('data', (bytes: Buffer) => received.push(bytes));
      socket.write(big);
      await eventually('all of it is back', () => Buffer.concat(received).length === big.length);
      assert.ok(Buffer.concat(received).equals(big));
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_tunnels_open', {}), 1);
      socket.end();
      await once(socket, 'close');
      await eventually('it is over', async () => (await metric(proxy.operatorUrl, 'tokenward_tunnels_open', {})) === 0);
    }
    assert.deepEqual(outside.asked, ['CONNECT pypi.example:443 HTTP/1.1', 'CONNECT x.y.b.example:8443 HTTP/1.1']);
    for (const target of ['pypi.example:8443', 'b.example:8443', 'x.pypi.example:443', 'x.b.example:443'])
      assert.equal((await connectThrough(proxy, target)).status, 403, target);
    assert.equal(outside.asked.length, 2);
  });

  it('never leads to this host, the link or the credentials of a cloud, whatever the allow-list says', async () => {
    const proxy = await close(startForwardProxy({ listen: { forward: { tunnel: ['*', '*:80', `*:1`] } } }));
    for (const target of [
      ...['localhost:443', '127.0.0.1:443', '127.1:443', '2130706433:443', '0x7f000001:80', '0:443', '0.0.0.0:80'],
      ...['[::1]:443', '[::]:443', '[::ffff:127.0.0.1]:443', '[::ffff:a9fe:a9fe]:80', '[64:ff9b::7f00:1]:443'],
      ...['169.254.169.254:80', '[fe80::1]:80', '[fd00:ec2::254]:80', '100.100.100.200:80', '224.0.0.1:80'],
    ]) {
      const { status, headers } = await connectThrough(proxy, target);
      assert.deepEqual([status, headers['x-tokenward-error']], [403, 'forward_refused'], target);
    }
  });

  it('never leads there through a corporate proxy, however the address is written', async () => {
    const outside = await close(echoProxy());
    const forward = { tunnel: ['*', '*:80'] };
    const proxy = await close(startForwardProxy({ egressProxy: outside.url, listen: { forward } }));
    for (const target of [
      ...['2852039166:80', '0xa9fea9fe:80', '0251.0376.0251.0376:80', '169.254.43518:80', '169.254.169.254.:80'],
      ...['2130706433:443', '0:443', 'localhost:443', 'any.localhost.:443', '[::ffff:0:127.0.0.1]:443'],
      ...['[fd00:ec2::23]:80', '[fd00:42::42]:80', '[::ffff:169.254.169.254]:80'],
    ])
      assert.equal((await connectThrough(proxy, target)).headers['x-tokenward-error'], 'forward_refused', target);
    assert.deepEqual(outside.asked, []);
  });

  it('needs a host that a resolver and a URL parser read alike', async () => {
    const outside = await close(echoProxy());
    const proxy = await close(startForwardProxy({ egressProxy: outside.url, listen: { forward: { tunnel: ['*'] } } }));
    for (const target of [
      ...['1.2.3.4.5:443', '256.256.256.256:443', '08.1:443', 'a.0x1:443'],
      ...['a..example:443', '.example:443', 'a.example..:443', '.:443', '[:::]:443', '[8.8.8.8]:443'],
    ]) {
      const { status, headers } = await connectThrough(proxy, target);
      assert.deepEqual([status, headers['x-tokenward-error']], [400, 'request_target_refused'], target);
    }
    assert.deepEqual(outside.asked, []);
    assert.equal((await connectThrough(proxy, '134744072:443')).status, 200);
    assert.deepEqual(outside.asked, ['CONNECT 8.8.8.8:443 HTTP/1.1']);
  });

  it('fails with a gateway error when the host cannot be reached', async () => {
    const proxy = await close(startForwardProxy({ listen: { forward: { tunnel: ['*.invalid'] } } }));
    const { status, headers, body } = await connectThrough(proxy, 'nowhere.invalid:443');
    assert.deepEqual([status, headers['x-tokenward-error']], [502, 'upstream_unreachable']);
    assert.match(body, /nowhere\.invalid:443/);
  });

  it('is closed with the process, after the time for draining', async () => {
    const outside = await close(echoProxy());
    const proxy = await startForwardProxy({ egressProxy: outside.url, listen: { forward: { tunnel: ['a.example'] } } });
    const { socket } = await connectThrough(proxy, 'a.example:443');
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
    await proxy.stop();
    await closed;
  });
});

describe('the addresses of tunnels', () => {
  it('are those of other hosts only', () => {
    for (const address of ['10.0.0.1', '192.168.1.1', '8.8.8.8', '2606:4700::1111', '::ffff:10.0.0.1'])
      assert.ok(mayTunnelTo(address), address);
    for (const address of ['127.8.8.8', '::', '::1', '::127.0.0.1', 'fe80::1%lo', '168.63.129.16', 'localhost', ''])
      assert.ok(!mayTunnelTo(address), address);
  });

  it('are never those of this host, on any of its interfaces', function () {
    const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
    // The others are refused whatever the interfaces are.
    const reachable = own.filter((address) => !/^(127\.|169\.254\.|::1$|fe80:)/i.test(address));
    if (reachable.length === 0) this.skip();
    for (const address of reachable) assert.ok(!mayTunnelTo(address), address);
  });

  it('are looked up once, and the connection is made to what was checked', async () => {
    const look = promisify(lookupForTunnel) as (name: string, options: object) => Promise<unknown>;
    for (const options of [{}, { all: true }, { family: 4 }])
      await assert.rejects(look('localhost', options), { code: FORBIDDEN });
    assert.equal(await look('192.0.2.77', {}), '192.0.2.77');
  });
});

describe('an entry of listen.forward.tunnel', () => {
  it('is a host, all names below one, or every host; with its port or 443', () => {
    const isAllowed = allowList(['a.example', '*.B.example:8443', '[2001:db8::1]:444', '*:9000']);
    const cases: [string, number, boolean][] = [
      ['a.example', 443, true],
      ['a.example', 80, false],
      ['x.a.example', 443, false],
      ['b.example', 8443, false],
      ['x.b.example', 8443, true],
      ['xb.example', 8443, false],
      ['2001:db8::1', 444, true],
      ['anything', 9000, true],
    ];
    for (const [host, port, expected] of cases) assert.equal(isAllowed({ host, port }), expected, `${host}:${port}`);
  });
});

describe('the two ends of a tunnel', () => {
  /** Two connections of one server, and their other ends. */
  async function ends(): Promise<{ outer: [Socket, Socket]; inner: [Socket, Socket]; server: Server }> {
    const accepted: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket));
    const port = Number(new URL(await urlOf(server)).port);
    const outer: Socket[] = [];
    for (let i = 0; i < 2; i += 1) {
      outer.push(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
      await eventually('it is accepted', () => accepted.length === i + 1);
    }
    return { outer: outer as [Socket, Socket], inner: accepted as [Socket, Socket], server };
  }

  it('pass on the end of one direction, and keep the other', async () => {
    const { outer, inner, server } = await ends();
    join(...inner);
    let heard = '';
    outer[0].on('data', (bytes: Buffer) => (heard += bytes.toString()));
    outer[0].end('question');
    outer[1].resume();
    await once(outer[1], 'end');
    outer[1].end('answer');
    await once(outer[0], 'end');
    assert.equal(heard, 'answer');
    await eventually('both are closed', () => inner.every(({ destroyed }) => destroyed));
    server.close();
  });

  it('are both cut when one breaks', async () => {
    for (const broken of [0, 1] as const) {
      const { outer, inner, server } = await ends();
      join(...inner);
      outer[1 - broken]!.resume().on('error', () => undefined);
      outer[broken].resetAndDestroy();
      await eventually('both are closed', () => inner.every(({ destroyed }) => destroyed));
      server.close();
    }
  });

  it('wait for each other: a slow reader keeps a fast writer waiting', async () => {
    const { outer, inner, server } = await ends();
    join(...inner);
    let taken = 0;
    const piece = Buffer.alloc(65_536);
    const write = (): void => {
      while (taken < 1_000 && outer[0].write(piece)) taken += 1;
    };
    outer[0].on('drain', write);
    write();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(taken * piece.length < 40_000_000, `${taken} pieces were taken without a reader`);
    for (const socket of [...outer, ...inner]) socket.destroy();
    server.close();
  });
});
