import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { TokenwardError } from '../../src/errors.ts';
import { MAX_TUNNELS, TunnelPlaces } from '../../src/forward/tunnel-places.ts';
import { closing } from '../support/custom-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { connectThrough, startForwardProxy } from '../support/forward-proxy.ts';

describe('the places of unread tunnels', () => {
  const close = closing();

  const refused = (detail: RegExp) => (error: unknown) =>
    error instanceof TokenwardError && error.status === 503 && error.retryAfter === 1 && detail.test(error.detail!);

  it('are all there is, for one caller or for nobody in particular', () => {
    const places = new TunnelPlaces(false);
    const leave = Array.from({ length: MAX_TUNNELS }, () => places.take(undefined));
    assert.throws(() => places.take(undefined), refused(/1000 unread tunnels/));
    // Given back once, however often it is said.
    leave[0]!();
    leave[0]!();
    places.take(undefined);
    assert.throws(() => places.take(undefined), refused(/1000/));
  });

  it('are never all taken by one of several callers', () => {
    const places = new TunnelPlaces(true, 10);
    const first = Array.from({ length: 5 }, () => places.take('billing'));
    assert.throws(() => places.take('billing'), refused(/caller billing has 5 unread tunnels/));
    for (let index = 0; index < 5; index += 1) places.take('reports');
    assert.throws(() => places.take('others'), refused(/10 unread tunnels/));
    first[0]!();
    places.take('others');
  });

  /** A corporate proxy that accepts connections and responds when it is told to. */
  async function silentProxy(): Promise<{ url: string; sockets: Socket[]; close(): Promise<void> }> {
    const sockets: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket.on('error', () => undefined).on('end', () => socket.end()));
      socket.resume();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      sockets,
      close: async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  for (const how of ['end', 'reset'] as const)
    it(`are free at once when a client leaves during the dial (${how})`, async () => {
      const outside = await close(silentProxy());
      const proxy = await close(
        startForwardProxy({ egressProxy: outside.url, listen: { forward: { tunnel: ['a.example'] } } }),
      );
      const client = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
      client.write('CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n');
      await eventually('it is dialled', () => outside.sockets.length === 1);
      if (how === 'end') client.end();
      else client.resetAndDestroy();
      // The dial itself would be given up after 10 s.
      await eventually('it is given up', () => outside.sockets[0]!.destroyed, 3_000);
    });

  it('keep what a client sends before it has its response, in order', async () => {
    const outside = await close(silentProxy());
    const proxy = await close(
      startForwardProxy({ egressProxy: outside.url, listen: { forward: { tunnel: ['a.example'] } } }),
    );
    const client = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
    client.write('CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nfirst ');
    await eventually('it is dialled', () => outside.sockets.length === 1);
    client.write('second ');
    await new Promise((resolve) => setTimeout(resolve, 50));
    let heard = '';
    outside.sockets[0]!.on('data', (bytes: Buffer) => (heard += bytes.toString()));
    outside.sockets[0]!.write('HTTP/1.1 200 OK\r\n\r\n');
    await once(client, 'data');
    client.write('third');
    await eventually('all of it is there', () => heard.endsWith('third'));
    assert.match(heard, /first second third$/);
    client.destroy();
    assert.equal((await connectThrough(proxy, 'b.example:443')).status, 403);
  });
});
