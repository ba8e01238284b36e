import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call } from '../../support/call.ts';
import { FakeClock } from '../../support/clock.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { freshFolder } from '../../support/files.ts';
import { recordingServer } from '../../support/recording-server.ts';
import { ownCode } from '../../support/world.ts';

describe("a client's own request to the token endpoint of an oauth flow", () => {
  const close = closing();
  const folder = freshFolder();

  async function start(tokenUrl: (url: string) => string, accounts: (url: string) => object) {
    const upstream = await close(recordingServer(() => ({ body: { access_token: 'granted', token_type: 'Bearer' } })));
    const { url } = upstream;
    const credentials = { clientId: 'required', host: 'optional' };
    const proxy = await close(
      startCustomProxy({
        flows: { own: { credentials, oauth: { tokenUrl: tokenUrl(url) } } },
        ...accounts(url),
        routes: [
          { prefix: '/own', upstream: url, account: 'one' },
          { prefix: '/bare', upstream: url },
          { prefix: '/forward', upstream: url, legacyLogin: 'forward' },
        ],
      }),
    );
    const post = (target: string) =>
      call(proxy.url, target, {
        method: 'POST',
        body: 'grant_type=client_credentials',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
    return { upstream, post };
  }

  const one = (credentials: object): object => ({ accounts: { one: { flow: 'own', credentials } } });
  for (const [what, tokenUrl, accounts] of [
    ['a fixed one', (url: string) => `${url}/oauth/token`, () => one({ clientId: 'c' })],
    ['one of credentials', () => '{host}/oauth/token', (url: string) => one({ clientId: 'c', host: url })],
    [
      'one of a generated account',
      () => '{host}/oauth/token',
      (url: string) => {
        const file = join(folder(), 'accounts.jsonl');
        writeFileSync(file, JSON.stringify({ name: 'one', flow: 'own', credentials: { clientId: 'c', host: url } }));
        return { accountsFrom: { file } };
      },
    ],
  ] as const)
    it(`(${what}) is refused on every route to its host: nothing is sent`, async () => {
      const { upstream, post } = await start(tokenUrl, accounts);
      for (const target of ['/own/oauth/token', '/bare/oauth/token', '/bare/oauth/%74oken', '/bare/oauth//token'])
        assert.equal(ownCode(await post(target)), 'login_path_refused', target);
      assert.deepEqual(
        upstream.seen.filter(
          ({ body }) => body.startsWith('grant_type=client_credentials') && !body.includes('client_id'),
        ),
        [],
      );
      assert.equal((await post('/bare/oauth/other')).status, 200);
      assert.equal((await post('/forward/oauth/token')).status, 200);
    });

  it('(one that metadata names) is refused once the metadata has been read, and stays so', async () => {
    let endpoint = '/idp/token';
    const upstream = await close(
      recordingServer(({ url, headers }) => {
        const issuer = `http://${headers.host}`;
        if (url?.startsWith('/.well-known/')) return { body: { issuer, token_endpoint: `${issuer}${endpoint}` } };
        return { body: { access_token: 'granted', token_type: 'Bearer' } };
      }),
    );
    const clock = new FakeClock();
    const proxy = await close(
      startCustomProxy(
        {
          flows: { own: { credentials: { clientId: 'required' }, oauth: { issuer: upstream.url } } },
          accounts: {
            one: { flow: 'own', credentials: { clientId: 'c' } },
            two: { flow: 'own', credentials: { clientId: 'd' } },
          },
          routes: [
            { prefix: '/own', upstream: upstream.url, account: 'one' },
            { prefix: '/two', upstream: upstream.url, account: 'two' },
            { prefix: '/bare', upstream: upstream.url },
          ],
        },
        { clock },
      ),
    );
    const post = (target: string) => call(proxy.url, target, { method: 'POST', body: 'grant_type=password' });
    assert.equal((await call(proxy.url, '/own/x')).status, 200);
    for (const target of ['/own/idp/token', '/bare/idp/token', '/bare/idp/%74oken', '/bare/idp//token'])
      assert.equal(ownCode(await post(target)), 'login_path_refused', target);
    assert.equal((await post('/bare/idp2/token')).status, 200);
    endpoint = '/idp2/token';
    clock.pass(25 * 3_600_000);
    assert.equal((await call(proxy.url, '/two/x')).status, 200);
    for (const target of ['/own/idp/token', '/bare/idp2/token'])
      assert.equal(ownCode(await post(target)), 'login_path_refused', target);
    assert.deepEqual(
      upstream.seen.filter(({ body }) => body === 'grant_type=password').map(({ url }) => url),
      ['/idp2/token'],
    );
  });
});
