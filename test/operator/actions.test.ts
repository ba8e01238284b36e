import assert from 'node:assert/strict';
import type { Test } from 'supertest';
import type { StatusDocument } from '../../src/operator/status-document.ts';
import type { RenewedToken } from '../../src/operator/view.ts';
import { call, type Answer } from '../support/call.ts';
import { operator } from '../support/operator.ts';
import { freshWorld, tokenCalls } from '../support/world.ts';

describe('the operator port', () => {
  const world = freshWorld();
  const post = (target: string, headers: Record<string, string> = {}): Test => {
    return operator(world().proxy).post(target).set(headers);
  };
  /** The same with a target that supertest would tidy up. */
  const postRaw = (target: string): Promise<Answer> => call(world().proxy.operatorUrl, target, { method: 'POST' });

  it('renews an account at POST /renew/<account>', async () => {
    const { sandbox, call: through } = world();
    await through('/softline/v1/order/7');
    const response = await post('/renew/softline').expect(200);
    const { account, generation, expiresAt } = response.body as RenewedToken & { account: string };
    assert.deepEqual([account, generation], ['softline', 2]);
    assert.ok(Math.abs(expiresAt! - Date.now() - 86_400_000) < 10_000);
    assert.equal(tokenCalls(sandbox, 'softline'), 2);
    assert.ok(!response.text.includes(sandbox.softline.currentToken()!.accessToken));
  });

  it('renews an account that nobody has used yet', async () => {
    await post('/renew/crm').expect(200);
  });

  it('spends the reserve of the login budget only if told to', async () => {
    const { sandbox, proxy } = world();
    // 80 automatic logins, then 20 in reserve. Without refresh tokens every renewal is a login.
    sandbox.chatapp.set({ refreshTokenInAnswer: 'omit', loginPatch: { 'data.refreshToken': undefined } });
    for (let index = 0; index < 80; index += 1) await proxy.app.tokens.renewNow('crm', {});
    const refused = await post('/renew/crm').expect(503);
    assert.equal((refused.body as { code: string }).code, 'login_budget_exhausted');
    assert.ok(Number(refused.get('retry-after')) > 80_000);
    assert.equal(tokenCalls(sandbox, 'chatapp'), 80);
    await post('/renew/crm?reserve=true').expect(200);
    assert.equal(tokenCalls(sandbox, 'chatapp'), 81);
  });

  it('logs who renewed, and who tried in vain', async () => {
    const { sandbox, proxy } = world();
    await post('/renew/crm').expect(200);
    sandbox.softline.accounts.length = 0;
    await post('/renew/softline').expect(503);
    const lines = proxy.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ message }) => String(message).startsWith('an operator'));
    assert.deepEqual(
      lines.map(({ detail, ...line }) => [line, typeof detail]),
      [
        [
          {
            level: 'info',
            message: 'an operator renewed crm',
            account: 'crm',
            generation: 1,
            address: '127.0.0.1',
            by: 'no key',
          },
          'undefined',
        ],
        [
          {
            level: 'warn',
            message: 'an operator tried to renew softline, without success',
            account: 'softline',
            code: 'credential_dead',
            address: '127.0.0.1',
            by: 'no key',
          },
          'string',
        ],
      ],
    );
  });

  it("refuses what another site sends through an operator's browser", async () => {
    const { proxy, sandbox } = world();
    const { host, port } = new URL(proxy.operatorUrl);
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${Number(port) + 1}` },
      { origin: `http://localhost:${port}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: 'http://other.example' },
      { 'sec-fetch-site': 'none' },
      // A name that the other site has pointed here: origin and host agree.
      { origin: `http://evil.example:${port}`, host: `evil.example:${port}` },
    ] as Record<string, string>[]) {
      const { status, body } = (await post('/renew/softline', headers)) as { status: number; body: { code: string } };
      assert.deepEqual([status, body.code], [403, 'cross_site'], JSON.stringify(headers));
    }
    assert.equal(tokenCalls(sandbox, 'softline'), 0);
    await post('/renew/softline', { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }).expect(200);
    await post('/renew/crm', { origin: `http://localhost:${port}`, host: `localhost:${port}` }).expect(200);
  });

  it('changes nothing by GET', async () => {
    const { proxy, sandbox } = world();
    await operator(proxy).get('/renew/softline').expect(404);
    assert.equal(tokenCalls(sandbox, 'softline'), 0);
  });

  it('says what there is at an unknown path, and of an unknown account', async () => {
    const title =
      'This port serves /, /healthz, /readyz, /metrics, /status, /accounts, /overview, /events, ' +
      'POST /renew/<account>, POST /reload and POST /drain.';
    await operator(world().proxy).get('/nothing').expect(404, { code: 'not_found', title });
    const others = 'The accounts are softline, crm, twin.';
    for (const [name, detail] of Object.entries({
      nobody: others,
      constructor: others,
      'softline%20': 'Did you mean "softline"?',
      Softline: 'Did you mean "softline"?',
      '<script>': others,
      '%F0%9F%94%91': others,
    })) {
      const unknown = await postRaw(`/renew/${name}`);
      assert.deepEqual(
        [unknown.status, unknown.json()],
        [404, { code: 'account_unknown', title: 'There is no account of this name.', detail }],
        name,
      );
    }
    await post('/renew/__proto__').expect(404);
  });

  it("calls a path it cannot decode the caller's mistake, not a fault", async () => {
    const { status, text, headers } = await postRaw('/renew/%E0%A4%A');
    assert.deepEqual(
      [status, headers['content-type'], (JSON.parse(text) as { code: string }).code],
      [400, 'application/problem+json; charset=utf-8', 'request_malformed'],
    );
    assert.deepEqual(
      world().proxy.lines.filter((line) => line.includes('"error"')),
      [],
    );
  });

  it('forwards nothing, and the proxy port has none of this', async () => {
    const { proxy, call: through } = world();
    await operator(proxy).get('/softline/v1/order/7').expect(404);
    for (const target of ['/healthz', '/readyz', '/metrics', '/status', '/'])
      assert.equal((await through(target)).status, 404, target);
    assert.equal((await call(proxy.url, '/renew/softline', { method: 'POST' })).status, 404);
  });

  it('tells browsers to keep nothing, to guess nothing, and to show it in no other page', async () => {
    for (const target of ['/', '/status', '/metrics', '/readyz', '/nothing']) {
      const { headers } = (await operator(world().proxy).get(target)) as { headers: Record<string, string> };
      assert.deepEqual(
        [
          headers['cache-control'],
          headers['x-content-type-options'],
          headers['x-powered-by'],
          headers['access-control-allow-origin'],
        ],
        ['no-store', 'nosniff', undefined, undefined],
        target,
      );
      assert.match(headers['content-security-policy']!, /default-src 'none'.*frame-ancestors 'none'/);
    }
  });
});

describe('/status', () => {
  const world = freshWorld();

  it('tells everything about accounts and routes but their secrets', async () => {
    const { proxy, sandbox, call: through } = world();
    for (const target of [
      '/softline/v1/order/7',
      '/crm/v1/licenses',
      '/twin/iam/api/v1/users/me',
      '/twin/iam/api/v1/users/me',
    ])
      assert.equal((await through(target)).status, 200);
    const response = await operator(proxy)
      .get('/status')
      .expect(200)
      .expect('content-type', /^application\/json/);
    const document = response.body as StatusDocument;
    const { text } = response;
    assert.equal(document.stopping, false);
    assert.deepEqual(
      document.accounts.map(({ account, flow, ready, dead, generation }) => [account, flow, ready, dead, generation]),
      [
        ['softline', 'softline', true, false, 1],
        ['crm', 'chatapp', true, false, 1],
        ['twin', 'twin', true, false, 1],
      ],
    );
    const { minutes, ...route } = document.routes.find(({ prefix }) => prefix === '/twin/iam')!;
    assert.deepEqual(route, {
      prefix: '/twin/iam',
      upstream: sandbox.urls.twin.iam,
      account: 'twin',
      requests: 2,
      inFlight: 0,
    });
    assert.equal(
      minutes.reduce((sum, { requests }) => sum + requests, 0),
      2,
    );
    for (const secret of [
      ...[sandbox.softline, sandbox.chatapp, sandbox.twin].flatMap((vendor) => [
        vendor.currentToken()!.accessToken,
        vendor.currentToken()!.refreshToken ?? '(none)',
      ]),
      sandbox.credentials.softline.password,
      sandbox.credentials.chatapp.password,
      sandbox.credentials.twin.password,
    ])
      assert.ok(!text.includes(JSON.stringify(secret).slice(1, -1)), text);
  });
});
