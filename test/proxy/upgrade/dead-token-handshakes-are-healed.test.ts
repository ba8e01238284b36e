import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket, type MessageEvent } from 'undici';
import { call, metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { handshake, webSocketUpstream } from '../../support/web-socket.ts';
import { dial } from '../../support/wire.ts';

const REFUSED = '401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"error":"old"}';

describe('a handshake whose token the upstream rejects', () => {
  const close = closing();

  /** An API whose tokens are all dead but the newest, and its token endpoint. */
  async function stage(refusal = REFUSED, flow: object = {}, route: object = {}) {
    let made = 0;
    let good = '';
    const endpoint = await close(
      fakeUpstream((_request, response) => {
        made += 1;
        const token = (good = `token-number-${made}`);
        setTimeout(() => {
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3_600 }));
        }, 50);
      }),
    );
    const upstream = await close(
      webSocketUpstream({
        refuse: ({ headers }) => (headers.authorization === `Bearer ${good}` ? undefined : refusal),
      }),
    );
    const proxy = await close(
      startCustomProxy({
        flows: { partner: { extends: 'oauth2', ...flow } },
        accounts: {
          partner: {
            flow: 'partner',
            credentials: { tokenUrl: `${endpoint.url}/token`, clientId: 'us', clientSecret: 'our-sEcret-41' },
          },
        },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'partner', upgrade: ['websocket'], ...route }],
      }),
    );
    return {
      upstream,
      proxy,
      endpoint,
      /** The token in use is dead from now on. */
      kill: () => (good = 'none'),
      webSocket: (path = '/api/chat') => new WebSocket(`${proxy.url.replace('http', 'ws')}${path}`),
    };
  }

  async function echo(client: WebSocket, text: string): Promise<void> {
    const target = client as unknown as EventTarget;
    if (client.readyState !== WebSocket.OPEN) await once(target, 'open');
    client.send(text);
    assert.equal(((await once(target, 'message')) as [MessageEvent])[0].data, text);
    client.close();
    await once(target, 'close');
  }

  it('is sent again with a new one before the upgrade, and the client does not notice', async () => {
    const { upstream, proxy, endpoint, kill, webSocket } = await stage();
    await echo(webSocket(), 'before');
    kill();
    await echo(webSocket(), 'after');
    assert.equal(endpoint.seen.length, 2);
    const tokens = upstream.handshakes.map(({ headers }) => headers.authorization);
    assert.deepEqual(tokens, ['Bearer token-number-1', 'Bearer token-number-1', 'Bearer token-number-2']);
    // The same handshake, with the same key.
    const keys = upstream.handshakes.slice(1).map(({ headers }) => headers['sec-websocket-key']);
    assert.equal(keys[0], keys[1]);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_replays_total', { outcome: 'recovered' }), 1);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_upgrades_total'), 2);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_total', { status: '4xx' }), 0);
  });

  it('is one of fifty at once: one renewal', async () => {
    const { upstream, endpoint, kill, webSocket } = await stage();
    await echo(webSocket(), 'before');
    kill();
    const clients = Array.from({ length: 50 }, () => webSocket());
    await Promise.all(clients.map((client, i) => echo(client, `message ${i}`)));
    assert.equal(endpoint.seen.length, 2);
    assert.ok(upstream.handshakes.length <= 101);
  });

  it("is recognised by the flow's own rule, which reads the body", async () => {
    const { endpoint, kill, webSocket } = await stage(
      '400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{"code":"TOKEN_EXPIRED"}',
      { invalid: [{ status: 400, body: { '/code': 'TOKEN_EXPIRED' } }] },
    );
    await echo(webSocket(), 'before');
    kill();
    await echo(webSocket(), 'after');
    assert.equal(endpoint.seen.length, 2);
  });

  it('reaches the client as an ordinary response if a new token does not help', async () => {
    const { upstream, proxy, endpoint, kill } = await stage();
    endpoint.seen.length = 0;
    await call(proxy.url, '/api/plain');
    // Whatever is renewed is dead at once.
    const timer = setInterval(kill, 1);
    try {
      const line = await dial(proxy.url);
      line.socket.write(handshake('/api/chat'));
      const answer = await line.closed();
      assert.match(answer, /^HTTP\/1\.1 401 Unauthorized\r\n[^]*Connection: close\r\n[^]*\{"error":"old"\}$/);
      assert.doesNotMatch(answer, /^HTTP\/1\.1 101|^upgrade:/im);
    } finally {
      clearInterval(timer);
    }
    assert.equal(upstream.handshakes.length, 2);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_upgrades_total'), 0);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'), 0);
  });

  it('is not sent again on a route with replay: false', async () => {
    const { upstream, proxy, kill, webSocket } = await stage(REFUSED, {}, { replay: false });
    await echo(webSocket(), 'before');
    kill();
    const line = await dial(proxy.url);
    line.socket.write(handshake('/api/chat'));
    assert.match(await line.closed(), /^HTTP\/1\.1 401 [^]*x-tokenward-replay: not-replayed; may-resend/);
    assert.equal(upstream.handshakes.length, 2);
  });

  it('of another kind is relayed: 403, 404, 426 and 503 with their fields and bodies', async () => {
    for (const status of ['403 Forbidden', '404 Not Found', '426 Upgrade Required', '503 Service Unavailable']) {
      const upstream = await close(
        webSocketUpstream({ refuse: () => `${status}\r\nX-Reason: because\r\nContent-Length: 4\r\n\r\nno!!` }),
      );
      const proxy = await close(
        startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, upgrade: ['websocket'] }] }),
      );
      const line = await dial(proxy.url);
      line.socket.write(handshake('/api/chat'));
      assert.match(await line.closed(), new RegExp(`^HTTP/1\\.1 ${status}\r\nX-Reason: because[^]*no!!$`));
      assert.equal(upstream.handshakes.length, 1);
    }
  });
});
