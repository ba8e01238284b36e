import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call } from '../../support/call.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

const flows = {
  shop: {
    credentials: { user: 'required' },
    attach: { header: 'Authorization' },
    login: { url: '/v2/session', json: { user: '{user}' }, answer: { token: '/token' } },
    legacyLogin: [{ path: '/session', answer: { token: 'managed' } }],
  },
};

describe('the login paths of an account, on another route to its host', () => {
  const close = closing();
  const folder = freshFolder();

  async function stage(
    routes: (url: string) => readonly object[],
    more: (url: string) => object = (url) => ({
      accounts: {
        shop: { flow: 'shop', baseUrl: url, credentials: { user: 'u' } },
        partner: { flow: 'oauth2', credentials: { tokenUrl: `${url}/oauth/token`, clientId: 'c', clientSecret: 's' } },
      },
    }),
  ) {
    let logins = 0;
    const upstream = await close(
      fakeUpstream((request, response) => {
        if (request.method === 'POST') logins += 1;
        response.setHeader('content-type', 'application/json');
        response.end('{"token":"granted-token","access_token":"granted-token","expires_in":600}');
      }),
    );
    const other = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        flows,
        ...more(upstream.url),
        routes: [...routes(upstream.url), { prefix: '/elsewhere', upstream: other.url }],
      }),
    );
    const post = async (target: string): Promise<string> => {
      const answer = await call(proxy.url, target, { method: 'POST', body: '{}' });
      return answer.status === 200 ? answer.text : ownCode(answer);
    };
    return { upstream, other, post, logins: () => logins };
  }

  const all = (url: string): readonly object[] => [
    { prefix: '/shop', upstream: url, account: 'shop' },
    { prefix: '/fixed', upstream: url, account: 'fixed' },
    { prefix: '/none', upstream: url },
    { prefix: '/v2', upstream: `${url}/v2` },
    { prefix: '/answers', upstream: url, legacyLogin: 'answer' },
  ];

  it('are refused, in every spelling: with another account, with none, below another base path', async () => {
    const { upstream, post, logins } = await stage(all);
    for (const prefix of ['/shop', '/fixed', '/none', '/answers']) {
      for (const path of [
        '/session',
        '/v2/session',
        '/V2/Session/',
        '/x/session',
        '/v2/%73ession',
        '/oauth/token',
        '/OAuth//token;a',
      ])
        assert.equal(await post(`${prefix}${path}`), 'login_path_refused', `${prefix}${path}`);
    }
    assert.equal(await post('/v2/session'), 'login_path_refused');
    assert.equal(logins(), 0);
    assert.equal(upstream.seen.length, 0);
  });

  it('take no other paths and no other hosts with them', async () => {
    const { upstream, other, post } = await stage(all);
    for (const target of [
      '/none/sessions',
      '/none/session/7',
      '/none/oauth/token/list',
      '/none/x/oauth/token',
      '/elsewhere/session',
      '/elsewhere/oauth/token',
    ])
      assert.notEqual(await post(target), 'login_path_refused', target);
    assert.deepEqual([upstream.seen.length, other.seen.length], [4, 2]);
  });

  it('pass on a route that says so for itself, and are answered to whoever has an account of that flow', async () => {
    const { post, upstream } = await stage(
      (url) => [
        { prefix: '/forwards', upstream: url, legacyLogin: 'forward' },
        { prefix: '/answers', upstream: url, account: 'second', legacyLogin: 'answer' },
        { prefix: '/none', upstream: url, legacyLogin: 'answer' },
      ],
      (url) => ({
        accounts: {
          shop: { flow: 'shop', baseUrl: url, credentials: { user: 'u' } },
          second: { flow: 'shop', baseUrl: url, credentials: { user: 'v' } },
        },
      }),
    );
    assert.match(await post('/forwards/session'), /granted-token/);
    assert.equal(upstream.seen.length, 1);
    assert.equal(await post('/answers/session'), '{"token":"managed"}');
    assert.equal(await post('/none/session'), 'login_path_refused');
    // And the account's own login.
    assert.equal(upstream.seen.length, 2);
  });

  it('are known of generated accounts too, each with an endpoint of its own', async () => {
    const file = join(folder(), 'accounts.jsonl');
    const { post, logins } = await stage(
      (url) => [{ prefix: '/none', upstream: url }],
      (url) => {
        writeFileSync(
          file,
          [1, 2, 3]
            .map((number) =>
              JSON.stringify({
                name: `tenant-${number}`,
                flow: 'oauth2',
                credentials: { tokenUrl: `${url}/tenant-${number}/token`, clientId: 'c', clientSecret: 's' },
              }),
            )
            .join('\n'),
        );
        return { accountsFrom: { file } };
      },
    );
    for (const number of [1, 2, 3]) assert.equal(await post(`/none/tenant-${number}/token`), 'login_path_refused');
    assert.equal(logins(), 0);
    assert.notEqual(await post('/none/tenant-4/token'), 'login_path_refused');
  });
});
