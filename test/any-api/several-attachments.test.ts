import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { recordingServer, type Reply } from '../support/recording-server.ts';

const PASSWORD = 'p:ass wörd-7f3a';
const BASIC = `Basic ${Buffer.from(`alice:${PASSWORD}`).toString('base64')}`;

describe('a session of a CSRF token, cookies and a password on each request', () => {
  const close = closing();

  /** As SAP Gateway does it: whoever fetches a token gets it in a header field, with the session's cookies. */
  async function start() {
    let session = 0;
    const server = await close(
      recordingServer(({ headers }): Reply => {
        if (headers['x-csrf-token'] === 'Fetch') {
          session += 1;
          const cookies = [`SID=s${session}-4c1d+/=; path=/; HttpOnly`, `ROUTE=r${session}; path=/`, 'old=; Max-Age=0'];
          return { headers: { 'x-csrf-token': `csrf-token-${session}`, 'set-cookie': cookies } };
        }
        if (headers['x-csrf-token'] !== `csrf-token-${session}`)
          return { status: 403, headers: { 'x-csrf-token': 'Required' } };
        return {
          headers: { 'x-echo': `${headers['cookie'] ?? ''} ${headers['authorization'] ?? ''}`, 'x-plain': 'yes' },
        };
      }),
    );
    const flow = {
      credentials: { user: 'required', password: 'required' },
      login: {
        method: 'GET',
        url: `${server.url}/sap/`,
        basic: '{user}:{password}',
        headers: { 'X-CSRF-Token': 'Fetch' },
        answer: { token: 'header:X-CSRF-Token', jar: 'cookies' },
      },
      attach: [{ header: 'X-CSRF-Token', value: '{token}' }, { cookies: '{jar}' }, { basic: '{user}:{password}' }],
      invalid: [{ status: 403, header: { 'X-CSRF-Token': 'Required' } }],
    };
    const proxy = await close(
      startCustomProxy({
        flows: { sap: flow },
        accounts: { sap: { flow: 'sap', credentials: { user: 'alice', password: PASSWORD } } },
        routes: [{ prefix: '/sap', upstream: server.url, account: 'sap' }],
      }),
    );
    return { server, proxy, end: () => (session += 1) };
  }

  it('puts all of them on each request, in place of what the client sends', async () => {
    const { server, proxy } = await start();
    const headers = { 'x-csrf-token': 'mine', cookie: 'SID=mine; theme=dark', authorization: 'Bearer mine' };
    assert.equal((await call(proxy.url, '/sap/orders', { headers })).status, 200);
    const [login, request] = server.seen;
    assert.deepEqual([login?.method, login?.url, login?.headers.authorization], ['GET', '/sap/', BASIC]);
    assert.equal(request?.headers['x-csrf-token'], 'csrf-token-1');
    assert.equal(request.headers['authorization'], BASIC);
    assert.equal(request.headers['cookie'], 'theme=dark; SID=s1-4c1d+/=; ROUTE=r1');
    assert.equal(request.rawHeaders.filter((name) => /^(authorization|x-csrf-token|cookie)$/i.test(name)).length, 3);
  });

  it('renews the whole session once when the token is refused', async () => {
    const { server, proxy, end } = await start();
    await call(proxy.url, '/sap/orders');
    end();
    const replies = await Promise.all(Array.from({ length: 20 }, () => call(proxy.url, '/sap/orders')));
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
    assert.equal(server.seen.filter(({ url }) => url === '/sap/').length, 2);
  });

  it('lets no response repeat any of them', async () => {
    const { proxy } = await start();
    const { headers } = await call(proxy.url, '/sap/orders');
    assert.deepEqual([headers['x-echo'], headers['x-plain']], [undefined, 'yes']);
  });
});

describe('a fixed token', () => {
  const close = closing();

  it('is in no response, whatever its name and however short it is', async () => {
    const server = await close(recordingServer(() => ({ headers: { 'x-echo': 'you sent k1x', 'x-plain': 'yes' } })));
    const proxy = await close(
      startCustomProxy({
        flows: { plain: { credentials: { license: 'required' }, attach: { header: 'X-License', value: '{license}' } } },
        accounts: { a: { flow: 'plain', credentials: { license: 'k1x' } } },
        routes: [{ prefix: '/a', upstream: server.url, account: 'a' }],
      }),
    );
    const { headers } = await call(proxy.url, '/a/x');
    assert.equal(server.seen[0]?.headers['x-license'], 'k1x');
    assert.deepEqual([headers['x-echo'], headers['x-plain']], [undefined, 'yes']);
  });
});
