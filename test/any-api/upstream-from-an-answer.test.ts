import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';
import { ownCode } from '../support/world.ts';

describe('an upstream that an answer names', () => {
  const close = closing();

  async function start(instanceOf: (url: string) => string, pattern?: string, path = '') {
    const instance = await close(
      recordingServer(() => ({ headers: { location: '/services/next' }, body: { ok: true } })),
    );
    const login = await close(
      recordingServer(() => ({ body: { access_token: 'secret-token-1', instance_url: instanceOf(instance.url) } })),
    );
    const flow = {
      credentials: { clientId: 'required' },
      login: {
        url: `${login.url}/services/oauth2/token`,
        form: { client_id: '{clientId}' },
        answer: { token: '/access_token', instance: '/instance_url' },
      },
      attach: { header: 'Authorization' },
      upstream: '{instance}/services',
    };
    const proxy = await close(
      startCustomProxy({
        flows: { sales: flow },
        accounts: { sales: { flow: 'sales', credentials: { clientId: 'c' } } },
        routes: [{ prefix: '/sf', upstream: `${pattern ?? instance.url}${path}`, account: 'sales' }],
      }),
    );
    return { instance, login, proxy };
  }

  it('gets the request at its own path and host, and its redirects lead back here', async () => {
    const { instance, proxy } = await start((url) => url);
    const reply = await call(proxy.url, '/sf/data/v60?q=1');
    assert.equal(reply.status, 200);
    const [request] = instance.seen;
    assert.deepEqual([request?.url, request?.headers.host], ['/services/data/v60?q=1', new URL(instance.url).host]);
    assert.equal(request?.headers.authorization, 'Bearer secret-token-1');
    assert.equal(reply.headers.location, '/sf/next');
  });

  it("may be below the path of the route's upstream", async () => {
    for (const pattern of ['/services', '/services/']) {
      const { instance, proxy } = await start((url) => url, undefined, pattern);
      assert.equal((await call(proxy.url, '/sf/data')).status, 200);
      assert.equal(instance.seen[0]?.url, '/services/data');
    }
  });

  it('is refused if it is not below that path: nothing is sent', async () => {
    for (const pattern of ['/api', '/serv', '/services/data', '/Services']) {
      const { instance, proxy } = await start((url) => url, undefined, pattern);
      const reply = await call(proxy.url, '/sf/data');
      assert.deepEqual([reply.status, ownCode(reply)], [502, 'upstream_not_allowed'], pattern);
      assert.equal(instance.seen.length, 0);
    }
  });

  for (const [what, instance] of [
    ['another host', () => 'https://evil.example'],
    ['a host that only looks alike', () => 'https://evil-my.salesforce.example'],
    ['a host behind a user name', () => 'https://na1.my.salesforce.example@evil.example'],
    ['plain HTTP', () => 'http://na1.my.salesforce.example'],
    ['another scheme', () => 'ftp://na1.my.salesforce.example'],
    ['no URL', () => 'na1'],
  ] as const)
    it(`is refused if it is ${what}: nothing is sent`, async () => {
      const { proxy, login } = await start(instance, 'https://*.my.salesforce.example');
      const reply = await call(proxy.url, '/sf/data');
      assert.deepEqual([reply.status, ownCode(reply)], [502, 'upstream_not_allowed']);
      assert.match(reply.text, /"detail":"an answer names an upstream that the upstream of \/sf does not stand for"/);
      assert.equal(login.seen.length, 1);
      assert.ok(!reply.text.includes('secret-token-1'));
      const { state, problem = '' } = proxy.app.tokens.statusOf('sales')!;
      assert.equal(state, 'down');
      assert.match(problem, /an answer names an upstream that the upstream of \/sf does not stand for/);
      assert.ok(proxy.lines.some((line) => line.includes('"account":"sales"') && line.includes('does not stand for')));
    });

  it('that the answer lacks is a failed login', async () => {
    const { proxy } = await start(() => '');
    const reply = await call(proxy.url, '/sf/data');
    assert.equal(ownCode(reply), 'token_unavailable');
    assert.match(reply.text, /nothing at \/instance_url/);
  });
});
