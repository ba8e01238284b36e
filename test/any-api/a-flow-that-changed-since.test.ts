import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { startCustomProxy } from '../support/custom-proxy.ts';
import { freshFolder } from '../support/files.ts';
import { recordingServer } from '../support/recording-server.ts';

describe('a stored token whose flow has been changed since', () => {
  const folder = freshFolder();

  it('is renewed before a request that needs a value which it lacks, and is used as it is otherwise', async () => {
    const server = await recordingServer(() => ({ body: { access_token: 'secret-token-1', tenant: 'north' } }));
    const logins = (): number => server.seen.filter(({ url }) => url === '/login').length;
    /** One request by a tokenward whose flow is this, over the same store each time. */
    const ask = async (answer: object, attach: object): Promise<number> => {
      const proxy = await startCustomProxy({
        store: { type: 'embedded', path: folder() },
        flows: {
          own: {
            credentials: { id: 'required' },
            login: { url: `${server.url}/login`, json: { id: '{id}' }, answer },
            attach,
          },
        },
        accounts: { own: { flow: 'own', credentials: { id: 'c' } } },
        routes: [{ prefix: '/api', upstream: server.url, account: 'own' }],
      });
      try {
        return (await call(proxy.url, '/api/x')).status;
      } finally {
        await proxy.stop();
      }
    };
    try {
      const bearer = { header: 'Authorization' };
      assert.equal(await ask({ token: '/access_token' }, bearer), 200);
      assert.equal(await ask({ token: '/access_token' }, bearer), 200);
      assert.equal(logins(), 1);
      const withTenant = [bearer, { header: 'X-Tenant', value: '{tenant}' }];
      assert.equal(await ask({ token: '/access_token', tenant: '/tenant' }, withTenant), 200);
      assert.equal(logins(), 2);
      assert.equal(server.seen.at(-1)?.headers['x-tenant'], 'north');
    } finally {
      await server.close();
    }
  });
});
