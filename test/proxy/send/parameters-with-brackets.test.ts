import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { recordingServer } from '../../support/recording-server.ts';

describe('a token in a parameter with brackets', () => {
  const close = closing();

  it('takes the place of those that the client sends, however they are written', async () => {
    const server = await close(recordingServer(() => ({})));
    const proxy = await close(
      startCustomProxy({
        flows: { own: { credentials: { key: 'required' }, attach: { query: 'auth[key]', value: '{key}' } } },
        accounts: { one: { flow: 'own', credentials: { key: 'k-7f3a5c9e' } } },
        routes: [{ prefix: '/a', upstream: server.url, account: 'one' }],
      }),
    );
    for (const query of ['', '?auth[key]=mine', '?auth%5Bkey%5D=mine', '?AUTH%5bKey]=mine'])
      assert.equal((await call(proxy.url, `/a/x${query}`)).status, 200);
    assert.equal((await call(proxy.url, '/a/x?auth[other]=1')).status, 200);
    assert.deepEqual(
      server.seen.map(({ url }) => url),
      [...Array.from({ length: 4 }, () => '/x?auth%5Bkey%5D=k-7f3a5c9e'), '/x?auth[other]=1&auth%5Bkey%5D=k-7f3a5c9e'],
    );
  });
});
