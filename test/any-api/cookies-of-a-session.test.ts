import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';

describe('cookies of a session that the upstream changes', () => {
  const close = closing();

  it('go on with their new values; others that it sets are not taken up', async () => {
    const server = await close(
      recordingServer(({ url }) =>
        url === '/login'
          ? { headers: { 'set-cookie': ['SID=first-session-id', 'NODE=n1'] } }
          : { headers: { 'set-cookie': url === '/1' ? ['SID=second-session-id; Path=/', 'tracker=x'] : [] } },
      ),
    );
    const proxy = await close(
      startCustomProxy({
        flows: {
          odoo: {
            credentials: { user: 'required' },
            login: {
              url: `${server.url}/login`,
              json: { u: '{user}' },
              answer: { token: 'cookie:SID', jar: 'cookies' },
            },
            attach: { cookies: '{jar}' },
          },
        },
        accounts: { a: { flow: 'odoo', credentials: { user: 'u' } } },
        routes: [{ prefix: '/a', upstream: server.url, account: 'a' }],
      }),
    );
    for (const path of ['/a/1', '/a/2', '/a/3']) assert.equal((await call(proxy.url, path)).status, 200);
    assert.deepEqual(
      server.seen.slice(1).map(({ headers }) => headers.cookie),
      ['SID=first-session-id; NODE=n1', 'SID=second-session-id; NODE=n1', 'SID=second-session-id; NODE=n1'],
    );
  });
});
