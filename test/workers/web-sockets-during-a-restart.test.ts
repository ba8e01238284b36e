import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket, type CloseEvent, type MessageEvent } from 'undici';
import { metric } from '../support/call.ts';
import { closing } from '../support/custom-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { webSocketUpstream } from '../support/web-socket.ts';
import { freshPool } from './worker-pool.ts';

describe('WebSockets through several workers', function () {
  this.timeout(120_000);
  const pool = freshPool();
  const close = closing();

  async function open(url: string): Promise<{ echo(text: string): Promise<void>; closed: Promise<number> }> {
    const client = new WebSocket(`${url.replace('http', 'ws')}/chat`);
    const target = client as unknown as EventTarget;
    await once(target, 'open');
    return {
      closed: once(target, 'close').then(([event]) => (event as CloseEvent).code),
      async echo(text) {
        client.send(text);
        assert.equal(((await once(target, 'message')) as [MessageEvent])[0].data, text);
      },
    };
  }

  it('go on during a restart, are closed with 1012 near the end of shutdown.drain, and with 1001 at a stop', async function () {
    const upstream = await close(webSocketUpstream());
    const { served, restart } = await pool(this, 2, {
      shutdown: { drain: '5s' },
      routes: [{ prefix: '/', upstream: upstream.url, account: 'softline', upgrade: ['websocket'] }],
    });
    const clients = await Promise.all([1, 2, 3, 4].map(() => open(served.url)));
    assert.equal(await metric(served.operatorUrl, 'tokenward_upgraded_connections'), 4);
    const restarted = restart();
    await sleep(1_000);
    await Promise.all(clients.map(({ echo }, i) => echo(`still ${i}`)));
    await restarted;
    assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), [1012, 1012, 1012, 1012]);
    // The counts of workers that have ended stay.
    const ended = (): Promise<number> =>
      metric(served.operatorUrl, 'tokenward_upgrades_ended_total', { reason: 'shutdown' });
    await eventually('they are counted', async () => (await ended()) === 4);
    const last = await open(served.url);
    await last.echo('new worker');
    const stopped = served.end('SIGTERM');
    assert.equal(await last.closed, 1001);
    assert.equal(await stopped, 0);
    assert.equal(upstream.handshakes.length, 5);
  });
});
