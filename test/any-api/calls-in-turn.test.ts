import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';

const KEY = 'access-key-93f1';

describe('a login of several calls', () => {
  const close = closing();

  it('computes from the answer of one what the next one sends', async () => {
    const proof = createHash('md5').update(`challenge-1${KEY}`).digest('hex');
    const server = await close(
      recordingServer(({ url, body }) => {
        if (url.includes('getchallenge')) return { body: { success: true, result: { token: 'challenge-1' } } };
        if (url !== '/webservice.php') return { body: { url } };
        const right = new URLSearchParams(body).get('accessKey') === proof;
        return { body: right ? { result: { sessionName: 'session-77aa' } } : { success: false } };
      }),
    );
    const proxy = await close(
      startCustomProxy({
        flows: {
          vtiger: {
            baseUrl: server.url,
            credentials: { user: 'required', accessKey: 'required' },
            login: [
              {
                method: 'GET',
                url: '/webservice.php?operation=getchallenge&username={user}',
                answer: { challenge: '/result/token' },
              },
              {
                make: { proof: { hash: 'md5', of: '{challenge}{accessKey}' } },
                url: '/webservice.php',
                form: { operation: 'login', username: '{user}', accessKey: '{proof}' },
                answer: { token: '/result/sessionName' },
              },
            ],
            attach: { query: 'sessionName' },
            invalid: [{ status: 200, body: { '/error/code': 'INVALID_SESSIONID' } }],
          },
        },
        accounts: { crm: { flow: 'vtiger', credentials: { user: 'a b', accessKey: KEY } } },
        routes: [{ prefix: '/crm', upstream: server.url, account: 'crm' }],
      }),
    );
    const reply = await call(proxy.url, '/crm/list?sessionName=mine&x=1');
    assert.deepEqual(JSON.parse(reply.text), { url: '/list?x=1&sessionName=session-77aa' });
    assert.deepEqual(
      server.seen.map(({ method, url }) => `${method} ${url}`),
      [
        'GET /webservice.php?operation=getchallenge&username=a%20b',
        'POST /webservice.php',
        'GET /list?x=1&sessionName=session-77aa',
      ],
    );
  });

  it('goes to no host that an answer names and the flow does not list', async () => {
    const server = await close(recordingServer(() => ({ body: { next: 'https://evil.example/token', t: 'x' } })));
    const flow = (hosts: readonly string[]) => ({
      credentials: { secret: 'required' },
      hosts,
      login: [
        { method: 'GET', url: `${server.url}/where`, answer: { next: '/next' } },
        { url: '{next}', json: { secret: '{secret}' }, answer: { token: '/t' } },
      ],
    });
    const proxy = await close(
      startCustomProxy({
        flows: { steps: flow(['*.good.example']) },
        accounts: { a: { flow: 'steps', credentials: { secret: 'very-secret-1' } } },
        routes: [{ prefix: '/a', upstream: server.url, account: 'a' }],
      }),
    );
    const reply = await call(proxy.url, '/a/x');
    assert.equal(reply.status, 503);
    assert.match(reply.text, /an answer names a host for the next call that is not among the hosts of the flow/);
    // It may be an odd answer, so it is tried again; and nothing but the question arrives anywhere.
    assert.ok(server.seen.every(({ url, body }) => url === '/where' && body === ''));
  });
});
