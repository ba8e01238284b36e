import assert from 'node:assert/strict';
import { call, metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { freshWorld, ownCode, tokenCalls, both, withRoute } from '../../support/world.ts';

const LOGIN = JSON.stringify({ username: 'sandbox-shop', password: 'whatever' });

/** Every way to write a path that some server takes for it; `[...]` marks letters to encode. */
function spellings(path: string): string[] {
  const last = path.slice(path.lastIndexOf('/') + 1);
  const start = path.slice(0, path.lastIndexOf('/') + 1);
  const encoded = `%${last.charCodeAt(0).toString(16)}${last.slice(1)}`;
  return [
    path,
    `${path}/`,
    `${path}//`,
    `${path}?x=1`,
    `${path};jsessionid=1`,
    `${path};%ff`,
    path.toUpperCase(),
    `${start}${last[0]!.toUpperCase()}${last.slice(1)}`,
    `${start}${encoded}`,
    `${start}${encoded.toUpperCase().replace('%', '%')}`,
    `${start}/${last}`,
    `${start}${encoded};%ff`,
    `${start}${encoded}/%3b`.replace('/%3b', ';a'),
    `${start}%25${encoded.slice(1)}`,
    path
      .split('/')
      .map((part) => [...part].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join(''))
      .join('/'),
  ];
}

describe("the vendors' login and refresh paths", () => {
  const world = freshWorld();
  const vendors = [
    { vendor: 'softline', prefixes: ['/softline'], paths: ['/v1/login_check'] },
    { vendor: 'chatapp', prefixes: ['/crm'], paths: ['/v1/tokens', '/v1/tokens/refresh'] },
    {
      vendor: 'twin',
      prefixes: ['/twin/iam', '/twin/cis', '/twin/notify'],
      paths: ['/api/v1/auth/login', '/api/v1/auth/refresh'],
    },
  ] as const;

  for (const { vendor, prefixes, paths } of vendors) {
    it(`${vendor}: are refused in every spelling, by every method, on every host of the account, and no login is spent`, async () => {
      const { sandbox, proxy } = world();
      let asked = 0;
      for (const prefix of prefixes) {
        for (const path of paths) {
          for (const spelling of spellings(path)) {
            const answer = await call(proxy.url, `${prefix}${spelling}`, {
              method: 'POST',
              body: LOGIN,
              headers: { 'content-type': 'application/json' },
            });
            assert.deepEqual([answer.status, ownCode(answer)], [403, 'login_path_refused'], `${prefix}${spelling}`);
            asked += 1;
          }
          for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
            assert.equal(ownCode(await call(proxy.url, `${prefix}${path}`, { method })), 'login_path_refused', method);
          asked += 5;
        }
      }
      assert.equal(sandbox.ledger.count({ vendor }), 0);
      assert.equal(tokenCalls(sandbox, vendor), 0);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_errors_total', { reason: 'login_path_refused' }), asked);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_renewals_total'), 0);
    });
  }

  it('do not take other paths with them', async () => {
    const { sandbox } = world();
    for (const target of [
      '/crm/v1/tokens/mine',
      '/crm/v1/licenses?next=/v1/tokens',
      '/crm/v1/my-tokens',
      '/twin/iam/api/v1/auth/logins',
      '/softline/v1/login_check_list',
      '/softline/login_check',
    ])
      assert.notEqual((await world().call(target)).headers['x-tokenward-error'], 'login_path_refused', target);
    assert.equal(sandbox.ledger.count({ kind: 'api' }), 6);
  });
});

describe("the vendors' login paths where encoded slashes may pass", () => {
  const world = freshWorld({
    config: both(withRoute('/crm', { encodedPaths: 'pass' }), withRoute('/twin/cis', { encodedPaths: 'pass' })),
  });

  it('are refused in those spellings too', async () => {
    const { sandbox } = world();
    const targets = [
      '/crm/v1%2ftokens',
      '/crm/v1%2Ftokens%2frefresh',
      '/crm/v1%5ctokens',
      '/crm/v1%252ftokens',
      '/crm/v1/x%252f..%252ftokens',
      '/twin/cis/api%2fv1%2fauth%2flogin',
    ];
    for (const target of targets)
      assert.equal(ownCode(await world().call(target, { method: 'POST', body: LOGIN })), 'login_path_refused', target);
    for (const climbing of [
      '/crm/v1/x%2f..%2ftokens',
      '/crm/v1/%2e/tokens',
      '/crm/v1/x/%2e%2e/tokens',
      '/twin/cis/api/v1/auth/%2e%2e/auth/refresh',
    ])
      assert.equal(
        ownCode(await world().call(climbing, { method: 'POST', body: LOGIN })),
        'request_target_refused',
        climbing,
      );
    assert.equal(sandbox.ledger.count({}), 0);
  });
});

describe('the token endpoint of an OAuth 2.0 account', () => {
  const close = closing();

  async function stage(flow: object, more: object) {
    let logins = 0;
    const upstream = await close(
      fakeUpstream((request, response) => {
        if (request.url?.startsWith('/oauth/token') === true) logins += 1;
        response.setHeader('content-type', 'application/json');
        response.end('{"access_token":"granted-token","expires_in":600}');
      }),
    );
    const other = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        ...more,
        accounts: {
          partner: {
            ...flow,
            credentials: { tokenUrl: `${upstream.url}/oauth/token`, clientId: 'id', clientSecret: 'secret' },
          },
        },
        routes: [
          { prefix: '/api', upstream: upstream.url, account: 'partner' },
          { prefix: '/other', upstream: other.url, account: 'partner' },
        ],
      }),
    );
    return { upstream, other, proxy, logins: () => logins };
  }

  it('is refused where it is on a host of the account, and the same path elsewhere is an ordinary one', async () => {
    const { upstream, other, proxy, logins } = await stage({ flow: 'oauth2' }, {});
    for (const spelling of [
      '/oauth/token',
      '/oauth/token/',
      '/OAuth/Token',
      '/oauth//token',
      '/oauth/%74oken',
      '/oauth/token;x',
      '/oauth/token?grant_type=client_credentials',
    ]) {
      assert.equal(
        ownCode(await call(proxy.url, `/api${spelling}`, { method: 'POST', body: 'grant_type=client_credentials' })),
        'login_path_refused',
        spelling,
      );
    }
    assert.equal(logins(), 0);
    assert.equal(upstream.seen.length, 0);
    assert.equal((await call(proxy.url, '/other/oauth/token', { method: 'POST' })).status, 200);
    assert.equal((await call(proxy.url, '/api/v2/oauth/token/list')).status, 200);
    assert.equal(other.seen.length, 1);
    assert.equal(logins(), 1);
  });
});
