import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { dial } from '../../support/wire.ts';
import { rawUpstream, type RawUpstream } from '../../support/raw-upstream.ts';

/** Far enough apart that a loaded machine does not mix them up. ms. */
const IDLE = 400;
const STREAM_IDLE = 4_000;

/** An upstream that sends one event, is silent for so long, and sends another one; `silent` 0: for ever. */
function events(type: string, silent: number): Promise<RawUpstream> {
  return rawUpstream((_line, { socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n`);
    if (silent > 0) setTimeout(() => socket.write('9\r\ndata: 2\n\n\r\n'), silent);
  });
}

describe('an event stream whose upstream is silent', () => {
  const close = closing();

  async function listen(
    type: string,
    silent: number,
    timeouts: object,
  ): Promise<{ readonly line: Awaited<ReturnType<typeof dial>>; readonly upstream: RawUpstream }> {
    const upstream = await close(events(type, silent));
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', timeouts }] }),
    );
    const line = await dial(proxy.url);
    line.socket.write('GET /api/events HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await line.until(/data: 1/);
    return { line, upstream };
  }

  for (const type of ['text/event-stream', 'Text/Event-Stream; charset=utf-8']) {
    it(`${type}: for longer than an ordinary reply may be, goes on`, async () => {
      const { line } = await listen(type, 4 * IDLE, { idle: `${IDLE}ms`, streamIdle: `${STREAM_IDLE}ms` });
      await line.until(/data: 2/);
      line.socket.destroy();
    });
  }

  it('for longer than its own limit, is cut: the caller sees no end of it', async () => {
    const { line, upstream } = await listen('text/event-stream', 0, { idle: '10s', streamIdle: `${IDLE}ms` });
    const text = await line.closed();
    assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
    assert.equal(upstream.count.opened, 1);
  });

  it('has no limit where streamIdle is 0', async () => {
    const { line } = await listen('text/event-stream', 4 * IDLE, { idle: `${IDLE}ms`, streamIdle: 0 });
    await line.until(/data: 2/);
    line.socket.destroy();
  });

  it('an ordinary reply keeps its own limit', async () => {
    for (const type of ['text/plain', 'text/event-streams', 'application/x-ndjson']) {
      const { line } = await listen(type, 0, { idle: `${IDLE}ms`, streamIdle: '1h' });
      await line.closed();
    }
  });

  it('the limit of a stream does not go over to the next reply on its connection', async () => {
    let asked = 0;
    const upstream = await close(
      rawUpstream((_line, { socket }) => {
        asked += 1;
        if (asked > 1)
          return void socket.write(
            'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\n',
          );
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
        setTimeout(() => socket.write('3\r\n:\n\n\r\n0\r\n\r\n'), 100);
      }),
    );
    const proxy = await close(
      startCustomProxy({
        routes: [
          {
            prefix: '/api',
            upstream: upstream.url,
            account: 'fixed',
            timeouts: { idle: `${IDLE}ms`, streamIdle: '1h' },
          },
        ],
      }),
    );
    const line = await dial(proxy.url);
    line.socket.write('GET /api/events HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await line.until(/\r\n0\r\n\r\n/);
    await sleep(50);
    line.socket.write('GET /api/other HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await line.until(/hal/);
    await line.closed();
    assert.equal(upstream.count.opened, 1);
  });
});
