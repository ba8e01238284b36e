import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { WebSocket, type MessageEvent } from 'undici';
import { closing } from '../support/custom-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';
import { connectThrough } from '../support/forward-proxy.ts';
import { webSocketUpstream } from '../support/web-socket.ts';
import { freshProgram, type ReloadableProgram } from './reloadable-program.ts';

/** A corporate proxy whose tunnels all lead to an echo, and the tunnels' ends that it has seen. */
async function echoProxy(): Promise<{ url: string; opened(): number; ended(): number; close(): Promise<void> }> {
  let opened = 0;
  let ended = 0;
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy()).on('close', () => (ended += 1));
    socket.once('data', () => {
      opened += 1;
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    opened: () => opened,
    ended: () => ended,
    close: async () => void server.close(),
  };
}

/** Reloads twice, by each way: once with a change, once back. Each must be taken into use. */
async function reloadBothWays(
  { configure, reload, served, lines }: ReloadableProgram,
  changed: object,
  check: () => Promise<void>,
): Promise<void> {
  configure({ ...changed });
  assert.equal((await reload()).status, 200);
  await check();
  const done = (): number => lines().filter(({ msg }) => msg === 'the configuration was reloaded').length;
  assert.equal(done(), 1);
  configure({});
  served.child.kill('SIGHUP');
  await eventually('SIGHUP was heeded', () => done() === 2, 20_000);
  await check();
}

describe('what is open while the configuration is reloaded by POST /reload and by SIGHUP', function () {
  this.timeout(60_000);
  const program = freshProgram();
  const close = closing();

  it('a WebSocket and a stream of events go on, on the connections that the upstream has already', async function () {
    const sockets = await close(webSocketUpstream());
    let stream: ServerResponse | undefined;
    let cut = 0;
    const events = await close(
      fakeUpstream((_request, response) => {
        stream = response;
        response.on('close', () => (cut += 1));
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 0\n\n');
      }),
    );
    const routes = [
      { prefix: '/ws', upstream: sockets.url, account: 'softline', upgrade: ['websocket'] },
      { prefix: '/events', upstream: events.url, account: 'softline' },
    ];
    const running = await program(this, { routes });
    const { url } = running.served;
    const client = new WebSocket(`${url.replace('http', 'ws')}/ws/chat`);
    const target = client as unknown as EventTarget;
    await once(target, 'open');
    const asking = request(`${url}/events/x`).end();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    let text = '';
    response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await eventually('the first event', () => text === 'data: 0\n\n');

    let round = 0;
    // The route of both is another one afterwards: it has another limit, and there is one more beside it.
    const changed = {
      routes: [
        { ...routes[0], timeouts: { firstByte: '7s' } },
        { ...routes[1], timeouts: { firstByte: '7s' } },
        { prefix: '/more', upstream: events.url },
      ],
    };
    await reloadBothWays(running, changed, async () => {
      round += 1;
      client.send(`round ${round}`);
      assert.equal(((await once(target, 'message')) as [MessageEvent])[0].data, `round ${round}`);
      stream!.write(`data: ${round}\n\n`);
      await eventually('the next event', () => text.endsWith(`data: ${round}\n\n`));
    });
    assert.equal(sockets.handshakes.length, 1);
    assert.equal(events.seen.length, 1);
    assert.equal(cut, 0);
    stream!.end();
    await once(response, 'end');
    assert.equal(text, 'data: 0\n\ndata: 1\n\ndata: 2\n\n');
    client.close();
  });

  it('a tunnel goes on, on the connection that was made for it', async function () {
    const outside = await close(echoProxy());
    const base = (tunnel: readonly string[]): Record<string, unknown> => ({
      egressProxy: outside.url,
      listen: { host: '127.0.0.1', port: 0, forward: { tunnel } },
    });
    const running = await program(this, base(['pypi.example']));
    const { status, socket } = await connectThrough(
      { port: Number(new URL(running.served.url).port) },
      'pypi.example:443',
    );
    assert.equal(status, 200);
    let round = 0;
    await reloadBothWays(running, { limits: { inFlight: 77 } }, async () => {
      round += 1;
      await echoed(socket, `round ${round}`);
    });
    assert.deepEqual([outside.opened(), outside.ended()], [1, 0]);
    socket.destroy();
    await eventually('its end reaches the other side', () => outside.ended() === 1);
  });
});

async function echoed(socket: Socket, text: string): Promise<void> {
  let back = '';
  const listen = (bytes: Buffer): void => void (back += bytes.toString());
  socket.on('data', listen).write(text);
  await eventually(`"${text}" is back`, () => back === text);
  socket.off('data', listen);
}
