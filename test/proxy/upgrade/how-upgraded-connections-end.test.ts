import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import type { ConfigObject, RunningProxy } from '../../support/proxy.ts';
import {
  BINARY,
  CLOSE,
  closePayload,
  codeOf,
  frame,
  Frames,
  handshake,
  TEXT,
  webSocketUpstream,
  type Frame,
} from '../../support/web-socket.ts';
import { dial, tcpServer, type Line } from '../../support/wire.ts';

describe('an upgraded connection ends', () => {
  const close = closing();

  async function stage(
    options: Parameters<typeof webSocketUpstream>[0] = {},
    route: ConfigObject = {},
    config: ConfigObject = {},
  ) {
    const upstream = await close(webSocketUpstream(options));
    const proxy = await close(
      startCustomProxy({
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', upgrade: ['websocket'], ...route }],
        ...config,
      }),
    );
    return { upstream, proxy, line: await connect(proxy) };
  }

  async function connect(proxy: RunningProxy): Promise<Line> {
    const line = await dial(proxy.url);
    line.socket.write(handshake('/api/a'));
    await line.until(/101 [^]*\r\n\r\n/);
    return line;
  }

  /** The frames behind the 101. */
  function framesOf(line: Line): Frame[] {
    const text = line.received();
    return new Frames().push(Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1'));
  }

  const ended = (proxy: RunningProxy, reason: string): Promise<void> =>
    eventually(`one ends by ${reason}`, async () => {
      const count = await metric(proxy.operatorUrl, 'tokenward_upgrades_ended_total', { reason });
      return count === 1 && (await metric(proxy.operatorUrl, 'tokenward_upgraded_connections')) === 0;
    });

  it('when the client closes, in the way of the protocol or not', async () => {
    for (const leave of [
      (line: Line) => line.socket.write(frame(CLOSE, closePayload(1000), true)),
      (line: Line) => line.socket.end(),
    ]) {
      const { upstream, proxy, line } = await stage();
      leave(line);
      await line.closed();
      await eventually('the upstream knows', () => upstream.handshakes[0]!.closed);
      await ended(proxy, 'client');
    }
  });

  it('when the client vanishes, in the middle of a frame', async () => {
    const { upstream, proxy, line } = await stage();
    line.socket.write(frame(TEXT, 'x'.repeat(1_000), true).subarray(0, 500));
    await sleep(20);
    line.socket.resetAndDestroy();
    await eventually('the upstream knows', () => upstream.handshakes[0]!.closed);
    await ended(proxy, 'client_lost');
  });

  it('when the upstream closes or vanishes', async () => {
    for (const [reason, serve] of [
      ['upstream', ({ socket }) => void socket.end(frame(CLOSE, closePayload(1011), false))],
      ['upstream', ({ socket }) => void socket.end()],
      ['upstream_lost', ({ socket }) => void setTimeout(() => socket.resetAndDestroy(), 100)],
    ] as const satisfies readonly (readonly [
      string,
      NonNullable<Parameters<typeof webSocketUpstream>[0]>['serve'],
    ])[]) {
      const { proxy, line } = await stage({ serve });
      await line.until(/101 /);
      line.socket.on('end', () => line.socket.end());
      await line.closed();
      await ended(proxy, reason);
    }
  });

  it('when nothing comes for timeouts.upgradeIdle, with 1001 to both sides, and not before', async () => {
    const { upstream, proxy, line } = await stage({}, { timeouts: { upgradeIdle: '400ms' } });
    for (let i = 0; i < 6; i += 1) {
      await sleep(150);
      line.socket.write(frame(TEXT, 'still here', true));
    }
    assert.equal(upstream.handshakes[0]!.closed, false);
    await line.until(/\x88\x02\x03\xe9/);
    line.socket.end(frame(CLOSE, closePayload(1001), true));
    await line.closed();
    await ended(proxy, 'idle');
    const frames = upstream.handshakes[0]!.frames;
    assert.deepEqual(
      frames.map(({ opcode, masked }) => [opcode, masked]),
      [...Array.from({ length: 6 }, () => [TEXT, true]), [CLOSE, true]],
    );
    assert.equal(codeOf(frames.at(-1)!), 1001);
  });

  it('at a stop: with 1001 to both sides, and once both have answered at once', async () => {
    const { upstream, proxy, line } = await stage({}, {}, { shutdown: { drain: '20s' } });
    const other = await connect(proxy);
    other.socket.on('data', () => undefined);
    line.socket.on('data', (text: string) => {
      if (text.includes('\x88')) line.socket.write(frame(CLOSE, closePayload(1001), true));
    });
    other.socket.on('data', (text: string) => {
      if (text.includes('\x88')) other.socket.end();
    });
    const startedAt = performance.now();
    await proxy.app.stop({ idleMs: 0 });
    assert.ok(performance.now() - startedAt < 3_000);
    for (const one of [line, other]) {
      await one.closed();
      assert.deepEqual(
        framesOf(one).map((found) => [found.opcode, codeOf(found)]),
        [[CLOSE, 1001]],
      );
    }
    for (const { frames } of upstream.handshakes)
      assert.deepEqual(
        frames.map((found) => [found.opcode, found.masked, codeOf(found)]),
        [[CLOSE, true, 1001]],
      );
    assert.equal(proxy.lines.filter((one) => /upgraded.*"reason":"shutdown"/.test(one)).length, 2);
  });

  it('at a stop behind the frame that has begun, so that no close frame lands in a message', async () => {
    const big = frame(BINARY, Buffer.alloc(300_000, 7), false);
    const { proxy, line, upstream } = await stage({
      serve: ({ socket, frames }) => {
        const reader = new Frames();
        socket.on('data', (bytes: Buffer) => frames.push(...reader.push(bytes)));
        socket.write(big.subarray(0, 100_001));
        setTimeout(() => socket.write(big.subarray(100_001)), 300);
      },
    });
    const mine = frame(TEXT, 'm'.repeat(5_000), true);
    line.socket.write(mine.subarray(0, 3));
    await sleep(50);
    const stopped = proxy.app.stop({ idleMs: 0 });
    await sleep(50);
    line.socket.write(mine.subarray(3));
    line.socket.write(frame(TEXT, 'too late', true));
    await line.closed();
    await stopped;
    const [message, last, ...more] = framesOf(line);
    assert.deepEqual([message!.opcode, message!.payload.length], [BINARY, 300_000]);
    assert.deepEqual([last!.opcode, codeOf(last!), more], [CLOSE, 1001, []]);
    const { frames } = upstream.handshakes[0]!;
    assert.deepEqual(
      frames.map(({ opcode, payload }) => [opcode, payload.length]),
      [
        [TEXT, 5_000],
        [CLOSE, 2],
      ],
    );
  });

  it('at a stop even if neither side answers, and leaves no handshake behind that waits for its upstream', async () => {
    const silent = await close(tcpServer(() => undefined));
    const { proxy, line } = await stage({ serve: () => undefined });
    const more = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: silent.url, upgrade: ['websocket'] }] }),
    );
    const waiting = await dial(more.url);
    waiting.socket.write(handshake('/api/a'));
    await sleep(100);
    await Promise.all([proxy.app.stop({ idleMs: 0 }), more.app.stop({ idleMs: 0 })]);
    await Promise.all([line.closed(), waiting.closed()]);
  });

  it('when another worker takes over: with 1012, near the end of shutdown.drain, and takes no new one', async () => {
    const { proxy, line } = await stage({}, {}, { shutdown: { drain: '4s' } });
    const idle = await dial(proxy.url);
    idle.socket.write('GET /api/x HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await idle.until(/fine/);
    const startedAt = performance.now();
    const stopped = proxy.app.stop({ replaced: true });
    idle.socket.write(handshake('/api/a'));
    assert.match(await idle.closed(), / 503 [^]*shutting_down/);
    await sleep(300);
    line.socket.write(frame(TEXT, 'goes on', true));
    await line.until(/goes on/);
    await line.until(/\x88\x02\x03\xf4/);
    assert.ok(performance.now() - startedAt > 900);
    line.socket.end(frame(CLOSE, closePayload(1012), true));
    await stopped;
  });

  it('before it begins, when the client leaves while the upstream has not answered yet', async () => {
    let closed = 0;
    const silent = await close(tcpServer((socket) => void socket.resume().on('close', () => (closed += 1))));
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: silent.url, upgrade: ['websocket'] }] }),
    );
    for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const before = closed;
      const line = await dial(proxy.url);
      line.socket.write(handshake('/api/a'));
      await sleep(100);
      line.socket[leave]();
      await eventually('the upstream is spared the rest', () => closed === before + 1);
      line.socket.destroy();
    }
    await eventually('no request is in flight', async () => {
      return (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 0;
    });
  });

  it('without a fault of the process, wherever its sides are cut', async () => {
    const { upstream, proxy } = await stage();
    const text = Buffer.concat([Buffer.from(handshake('/api/a')), frame(TEXT, 'hello', true)]);
    const cuts = [1, 40, text.length - 15, text.length - 11, text.length - 5, text.length];
    for (const cut of cuts)
      for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const)
        for (const wait of [0, 5, 30]) {
          const line = await dial(proxy.url);
          line.socket.write(text.subarray(0, cut));
          await sleep(wait);
          line.socket[leave]();
        }
    for (const wait of [0, 3, 10]) {
      const line = await dial(proxy.url);
      line.socket.write(text);
      await sleep(wait);
      for (const { socket } of upstream.handshakes) socket.resetAndDestroy();
      line.socket.end();
    }
    await eventually('nothing is left', async () => {
      const open = await metric(proxy.operatorUrl, 'tokenward_upgraded_connections');
      return open === 0 && (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 0;
    });
    assert.deepEqual(
      proxy.lines.filter((one) => /"level":"error"/.test(one)),
      [],
    );
    const line = await connect(proxy);
    line.socket.write(frame(TEXT, 'all is well', true));
    await line.until(/all is well/);
    line.socket.destroy();
  });
});
