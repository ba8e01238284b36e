import assert from 'node:assert/strict';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { askWithin } from '../support/ask-within.ts';
import { closing } from '../support/custom-proxy.ts';
import { secureThrough, startForwardProxy } from '../support/forward-proxy.ts';

const HOST = 'api.chatapp.online';
const CALLERS = 200;

describe(`a token that is revoked under ${CALLERS} requests in tunnels`, () => {
  const close = closing();

  it('is renewed once, and no client notices', async function () {
    this.timeout(60_000);
    const sandbox = await close(startSandbox());
    const proxy = await close(
      startForwardProxy({
        accounts: {
          crm: { flow: 'chatapp', baseUrl: sandbox.urls.chatapp, credentials: { ...sandbox.credentials.chatapp } },
        },
        routes: [{ host: HOST, upstream: sandbox.urls.chatapp, account: 'crm' }],
      }),
    );
    const ask = async (tls: Awaited<ReturnType<typeof secureThrough>>): Promise<number> =>
      (await askWithin(tls, '/v1/chats', { host: HOST })).status;
    const tunnels = await Promise.all(Array.from({ length: CALLERS }, () => secureThrough(proxy, HOST)));
    assert.deepEqual([...new Set(await Promise.all(tunnels.map(ask)))], [200]);
    sandbox.ledger.clear();
    sandbox.chatapp.revokeCurrent();
    assert.deepEqual([...new Set(await Promise.all(tunnels.map(ask)))], [200]);
    assert.deepEqual(
      ['login', 'refresh'].map((kind) => sandbox.ledger.count({ vendor: 'chatapp', kind: kind as 'login' })),
      [0, 1],
    );
    for (const tls of tunnels) tls.destroy();
  });
});
