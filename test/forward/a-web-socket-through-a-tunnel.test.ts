import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closing } from '../support/custom-proxy.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';
import { secureThrough, startForwardProxy } from '../support/forward-proxy.ts';
import { BINARY, frame, Frames, handshake, webSocketUpstream } from '../support/web-socket.ts';

const HOST = 'api.vendor.example';
const REFUSED = '401 Unauthorized\r\nContent-Length: 0\r\n\r\n';

describe('a WebSocket client in a tunnel, whose handshake meets a rejected token', () => {
  const close = closing();

  it('connects after one renewal, and frames pass both ways', async () => {
    let made = 0;
    let good = '';
    const endpoint = await close(
      fakeUpstream((_request, response) => {
        made += 1;
        good = `token-number-${made}`;
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ access_token: good, token_type: 'Bearer', expires_in: 3_600 }));
      }),
    );
    const upstream = await close(
      webSocketUpstream({
        refuse: ({ headers }) => (headers.authorization === `Bearer ${good}` ? undefined : REFUSED),
      }),
    );
    const proxy = await close(
      startForwardProxy({
        accounts: {
          partner: {
            flow: 'oauth2',
            credentials: { tokenUrl: `${endpoint.url}/token`, clientId: 'us', clientSecret: 'our-sEcret-41' },
          },
        },
        routes: [{ host: HOST, upstream: upstream.url, account: 'partner', upgrade: ['websocket'] }],
      }),
    );
    for (const renewals of [1, 2]) {
      const tls = await secureThrough(proxy, HOST);
      tls.write(handshake('/chat').replace('Host: proxy', `Host: ${HOST}`));
      const [answer] = (await once(tls, 'data')) as [Buffer];
      assert.match(answer.toString(), /^HTTP\/1\.1 101 /);
      const frames = new Frames();
      tls.write(frame(BINARY, 'hello', true));
      const [echo] = (await once(tls, 'data')) as [Buffer];
      assert.equal(frames.push(echo)[0]?.payload.toString(), 'hello');
      assert.equal(made, renewals);
      tls.destroy();
      good = 'none of them';
    }
    assert.deepEqual(
      upstream.handshakes.map(({ headers }) => headers.authorization),
      ['Bearer token-number-1', 'Bearer token-number-1', 'Bearer token-number-2'],
    );
  });
});
