import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { call } from '../../support/call.ts';
import { startProxy, type RunningProxy } from '../../support/proxy.ts';
import { httpServer, type TestServer } from '../../support/wire.ts';
import { headerValues } from '../../support/world.ts';

const SECRET = 'k$&ey/+=; ,"x'.replaceAll(/[ ,";]/g, '') + '%41';

describe('where the token goes on a request', () => {
  let sandbox: Sandbox;
  let upstream: TestServer;
  let proxy: RunningProxy;
  const seen: { target: string; headers: string[] }[] = [];
  let logins = 0;
  let answer: (request: IncomingMessage) => Record<string, string> = () => ({});
  before(async () => {
    sandbox = await startSandbox();
    upstream = await httpServer((request, response) => {
      if (request.url === '/issue') {
        logins += 1;
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ session: { key: SECRET } }));
        return;
      }
      seen.push({ target: request.url ?? '', headers: request.rawHeaders });
      for (const [name, value] of Object.entries(answer(request))) response.setHeader(name, value);
      response.end('{}');
    });
    const login = { url: '/issue', json: { user: '{user}' }, answer: { token: '/session/key' } };
    const flow = (attach: unknown): unknown => ({
      baseUrl: upstream.url,
      credentials: { user: 'required' },
      login,
      attach,
    });
    const statics = {
      header: { header: 'X-Api-Key', value: '{token}' },
      odd: { header: 'PRIVATE_Token', value: 'key={token};v={token}' },
      squery: { query: 'api_key' },
      scookie: { cookie: 'session' },
    } as const;
    proxy = await startProxy(sandbox, {
      config: (base) => ({
        ...base,
        flows: { 'by-query': flow({ query: 'access-token' }), 'by-cookie': flow({ cookie: 'sid' }) },
        accounts: {
          query: { flow: 'by-query', credentials: { user: 'u' } },
          cookie: { flow: 'by-cookie', credentials: { user: 'u' } },
          plain: { flow: 'static', credentials: { token: SECRET } },
          ...Object.fromEntries(
            Object.entries(statics).map(([name, attach]) => [
              name,
              { flow: 'static', credentials: { token: SECRET }, attach },
            ]),
          ),
        },
        routes: [
          ...['query', 'cookie', 'plain', ...Object.keys(statics)].map((name) => ({
            prefix: `/${name}`,
            upstream: upstream.url,
            account: name,
          })),
          { prefix: '/none', upstream: upstream.url },
        ],
      }),
    });
  });
  after(async () => {
    await proxy.stop();
    await upstream.close();
    await sandbox.close();
  });
  beforeEach(() => {
    seen.length = 0;
    answer = () => ({});
  });

  const escaped = encodeURIComponent(SECRET);

  it("in the query: behind what is there, percent-encoded, by a flow of the user's own", async () => {
    for (const [sent, arrives] of [
      ['/query/a', `/a?access-token=${escaped}`],
      ['/query/a?b=1&c[]=%20', `/a?b=1&c[]=%20&access-token=${escaped}`],
      ['/squery/a', `/a?api_key=${escaped}`],
    ] as const) {
      await call(proxy.url, sent);
      assert.equal(seen.at(-1)?.target, arrives);
    }
    assert.equal(logins, 1);
  });

  it("in a cookie: as it is, beside the caller's own ones", async () => {
    await call(proxy.url, '/cookie/a');
    assert.deepEqual(headerValues(seen[0]!.headers, 'cookie'), [`sid=${SECRET}`]);
    await call(proxy.url, '/cookie/a', { headers: { cookie: 'a=1; b=2' } });
    assert.deepEqual(headerValues(seen[1]!.headers, 'cookie'), [`a=1; b=2; sid=${SECRET}`]);
    await call(proxy.url, '/scookie/a');
    assert.deepEqual(headerValues(seen[2]!.headers, 'cookie'), [`session=${SECRET}`]);
  });

  it('a fixed key in any header, as often as the form says, in place of what the caller sent there', async () => {
    await call(proxy.url, '/plain/a', { headers: { authorization: 'mine' } });
    assert.deepEqual(headerValues(seen[0]!.headers, 'authorization'), [`Bearer ${SECRET}`]);
    await call(proxy.url, '/header/a', { headers: { 'x-api-key': 'mine', x_api_key: 'mine too' } });
    assert.deepEqual(
      seen[1]!.headers.filter((name) => /^x.api.key$/i.test(name)),
      ['X-Api-Key'],
    );
    assert.deepEqual(headerValues(seen[1]!.headers, 'x-api-key'), [SECRET]);
    await call(proxy.url, '/odd/a', { headers: { 'private-token': 'mine', 'Private-TOKEN': 'mine' } });
    assert.deepEqual(headerValues(seen[2]!.headers, 'private_token'), [`key=${SECRET};v=${SECRET}`]);
    assert.deepEqual(headerValues(seen[2]!.headers, 'private-token'), []);
  });

  it("a fixed key is never renewed: a 401 is the upstream's own answer", async () => {
    const { status } = await call(proxy.url, '/plain/a');
    assert.equal(status, 200);
    assert.deepEqual(proxy.app.tokens.status().find(({ account }) => account === 'plain')?.problem, undefined);
    sandbox.twin.set({ apiOverride: { status: 401, body: { error: 'no' } } });
    const own = await startProxy(sandbox, {
      config: (base) => ({
        ...base,
        accounts: { key: { flow: 'static', credentials: { token: SECRET } } },
        routes: [{ prefix: '/k', upstream: sandbox.urls.twin.iam, account: 'key' }],
      }),
    });
    for (let i = 0; i < 3; i += 1) {
      const reply = await call(own.url, '/k/api/v1/users/me');
      assert.equal(reply.status, 401);
      assert.equal(reply.headers['x-tokenward-error'], undefined);
    }
    assert.equal(sandbox.ledger.count({ vendor: 'twin', where: ({ kind }) => kind !== 'api' }), 0);
    assert.equal(sandbox.ledger.count({ vendor: 'twin' }), 3);
    await own.stop();
  });

  it("nowhere on a route without an account, and the caller's own does not travel there either", async () => {
    await call(proxy.url, '/none/a', {
      headers: { authorization: 'mine', refresh: 'mine', 'proxy-authorization': 'mine' },
    });
    assert.doesNotMatch(seen[0]!.headers.join('\n'), /mine|authorization/i);
  });

  it('a reply that repeats it in a header, plain or encoded, does not take it to the caller', async () => {
    for (const target of ['/query/a', '/cookie/a', '/header/a']) {
      answer = (request) => ({
        location: `/b${new URL(request.url ?? '', 'http://x').search}`,
        'x-plain': `echo ${SECRET}`,
        'x-encoded': `echo ${escaped}`,
        'x-kept': '1',
      });
      const reply = await call(proxy.url, target);
      assert.equal(reply.headers['x-kept'], '1');
      const text = reply.rawHeaders.join('\n');
      assert.ok(!text.includes(SECRET), target);
      if (target !== '/header/a') assert.ok(!text.includes(escaped), target);
    }
  });
});
