import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import { call } from '../../support/call.ts';
import { startProxy } from '../../support/proxy.ts';
import { both, freshWorld, ownCode, tokenCalls, withRoute } from '../../support/world.ts';

/** Checks a response to an app's own login, which came just now. */
type Told = (told: unknown) => void;

const near = (actual: unknown, seconds: number): void => {
  assert.equal(Number.isInteger(actual), true);
  assert.ok(
    Math.abs((actual as number) - Date.now() / 1000 - seconds) < 60,
    `${String(actual)} is not in ${seconds} s`,
  );
};

const toldByChatapp: Told = (told) => {
  const { data, ...rest } = told as { data: Record<string, unknown> };
  const { accessTokenEndTime, refreshTokenEndTime, ...others } = data;
  assert.deepEqual(rest, { success: true });
  assert.deepEqual(others, {
    cabinetUserId: 104_233,
    accessToken: 'managed-by-tokenward',
    refreshToken: 'managed-by-tokenward-refresh',
  });
  near(accessTokenEndTime, 24 * 3_600);
  near(refreshTokenEndTime, 14 * 24 * 3_600);
};

const claimsOf = (token: string): Record<string, unknown> => {
  const [header, claims, signature] = token.split('.');
  assert.deepEqual(JSON.parse(Buffer.from(header!, 'base64url').toString()), { typ: 'JWT', alg: 'none' });
  assert.equal(signature, '');
  return JSON.parse(Buffer.from(claims!, 'base64url').toString()) as Record<string, unknown>;
};

const toldByTwin: Told = (told) => {
  const { token, refreshToken, ...others } = told as { token: string; refreshToken: string };
  assert.deepEqual(others, {});
  const { iat, exp, ...access } = claimsOf(token);
  near(iat, 0);
  near(exp, 12 * 3_600);
  // As in the account's own token.
  assert.deepEqual(access, { sub: '783', company_id: 570, roles: { '570': ['COMPANY_ADMIN'] }, version: 3 });
  const { iat: refreshedAt, exp: refreshExp, ...refresh } = claimsOf(refreshToken);
  near(refreshedAt, 0);
  near(refreshExp, 365 * 24 * 3_600);
  assert.deepEqual(refresh, { jti: 'managed-by-tokenward', version: 3 });
};

const LOGINS = [
  {
    vendor: 'softline',
    target: '/softline/v1/login_check',
    told: (told: unknown) =>
      assert.deepEqual(told, { token: 'managed-by-tokenward', refresh_token: 'managed-by-tokenward-refresh' }),
  },
  { vendor: 'chatapp', target: '/crm/v1/tokens', told: toldByChatapp },
  { vendor: 'chatapp', target: '/crm/v1/tokens/refresh', told: toldByChatapp },
  { vendor: 'twin', target: '/twin/iam/api/v1/auth/login', told: toldByTwin },
  { vendor: 'twin', target: '/twin/iam/api/v1/auth/refresh', told: toldByTwin },
] as const;
const all = (change: object) =>
  both(...['/softline', '/crm', '/twin/iam'].map((prefix) => withRoute(prefix, change as Record<string, unknown>)));

describe('a legacy app that logs in by itself, on a route that answers', () => {
  const world = freshWorld({ config: all({ legacyLogin: 'answer' }) });

  for (const { vendor, target, told } of LOGINS) {
    it(`${target}: is told what the vendor would tell, and nothing of it is sent`, async () => {
      const { sandbox } = world();
      for (const spelling of [
        target,
        `${target}/`,
        target.replace('/v1/', '/v1//'),
        target.replace(/(.)$/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
      ]) {
        const answer = await world().call(spelling, {
          method: 'POST',
          body: '{"password":"its own"}',
          headers: { 'content-type': 'application/json' },
        });
        assert.equal(answer.status, 200, spelling);
        assert.match(String(answer.headers['content-type']), /^application\/json/);
        assert.equal(answer.headers['cache-control'], 'no-store');
        told(answer.json());
      }
      // No other method is a login, but none may become one either.
      for (const method of ['GET', 'PUT', 'DELETE'])
        assert.equal(ownCode(await world().call(target, { method })), 'login_path_refused', method);
      // The account's own login, once.
      const logins = sandbox.ledger.entries({});
      assert.deepEqual(
        logins.map(({ kind, outcome, bodyBytes }) => [kind, outcome, bodyBytes === 24]),
        [['login', 'ok', false]],
      );
      assert.equal(tokenCalls(sandbox, vendor), 1);
    });
  }

  it("reads nothing of the account's token in it", async () => {
    const { sandbox } = world();
    for (const { target } of LOGINS) {
      const { text } = await world().call(target, { method: 'POST' });
      for (const vendor of ['softline', 'chatapp', 'twin'] as const) {
        const token = sandbox[vendor].currentToken()?.accessToken ?? 'none yet';
        for (const part of token.split('.').filter((one) => one.length > 60)) assert.ok(!text.includes(part));
      }
    }
  });

  it('goes on with the made-up token, in place of which the real one arrives', async () => {
    const { sandbox } = world();
    const { token } = (await world().call('/softline/v1/login_check', { method: 'POST' })).json() as { token: string };
    const { data } = (await world().call('/crm/v1/tokens', { method: 'POST' })).json() as {
      data: { accessToken: string };
    };
    const headers = { AuthorizationJWT: `Bearer ${token}`, authorization: data.accessToken };
    for (const target of ['/softline/v1/order/77', '/crm/v1/licenses'])
      assert.equal((await world().call(target, { headers })).status, 200, target);
    assert.equal(tokenCalls(sandbox, 'softline') + tokenCalls(sandbox, 'chatapp'), 2);
    const arrived = sandbox.ledger.entries({ kind: 'api' });
    assert.deepEqual(
      arrived.map(({ outcome }) => outcome),
      ['ok', 'ok'],
    );
    for (const { rawHeaders } of arrived) assert.doesNotMatch(rawHeaders.join('\n'), /managed-by-tokenward/);
  });

  it('keeps its connection, also with a body nobody reads', async () => {
    const body = 'x'.repeat(300_000);
    for (let i = 0; i < 3; i += 1)
      assert.equal((await world().call('/crm/v1/tokens', { method: 'POST', body })).status, 200);
  });
});

describe('a legacy app that logs in by itself, when the account cannot', () => {
  for (const { vendor, target, account } of [
    { vendor: 'softline', target: '/softline/v1/login_check', account: 'softline' },
    { vendor: 'chatapp', target: '/crm/v1/tokens', account: 'crm' },
    { vendor: 'chatapp', target: '/crm/v1/tokens/refresh', account: 'crm' },
    { vendor: 'twin', target: '/twin/iam/api/v1/auth/login', account: 'twin' },
  ] as const) {
    describe(target, () => {
      const world = freshWorld({
        config: both(all({ legacyLogin: 'answer' }), (base) => {
          const accounts = base['accounts'] as Record<string, { credentials: object }>;
          const wrong = {
            ...accounts[account]!,
            credentials: { ...accounts[account]!.credentials, password: 'wrong' },
          };
          return { ...base, accounts: { ...accounts, [account]: wrong } };
        }),
      });

      it("gets the account's own error, the first time and later, at one login", async () => {
        const { sandbox } = world();
        for (let time = 0; time < 3; time += 1) {
          const answer = await world().call(target, { method: 'POST', body: '{"password":"its own"}' });
          assert.equal(ownCode(answer), 'credential_dead');
        }
        assert.equal(tokenCalls(sandbox, vendor), 1);
      });
    });
  }

  it('for now: it is told to come back', async () => {
    const sandbox = await startSandbox();
    const proxy = await startProxy(sandbox, { config: all({ legacyLogin: 'answer' }) });
    sandbox.softline.set({ loginMode: { status: 503 } });
    const answer = await call(proxy.url, '/softline/v1/login_check', { method: 'POST' });
    assert.equal(ownCode(answer), 'token_unavailable');
    assert.ok(Number(answer.headers['retry-after']) > 0);
    await proxy.stop();
    await sandbox.close();
  });
});

describe('a legacy app that logs in by itself, on a route that forwards', () => {
  const world = freshWorld({ config: all({ legacyLogin: 'forward' }) });

  for (const { vendor, target } of LOGINS) {
    it(`${target}: reaches the upstream with what it sent`, async () => {
      const { sandbox } = world();
      const body = '{"of":"its own"}';
      await world().call(target, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      const arrived = sandbox.ledger
        .entries({ vendor, method: 'POST' })
        .filter(({ bodySha256 }) => bodySha256 === createHash('sha256').update(body).digest('hex'));
      assert.equal(arrived.length, 1);
      assert.ok(target.endsWith(arrived[0]!.target));
    });
  }

  it('gets the token that the upstream gave it', async () => {
    const { sandbox } = world();
    const answer = await world().call('/softline/v1/login_check', {
      method: 'POST',
      body: JSON.stringify(sandbox.credentials.softline),
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(answer.status, 200);
    assert.match((answer.json() as { token: string }).token, /^(?!managed-by-tokenward).+/);
    // Its own, and the account's for the forwarded request.
    assert.equal(sandbox.ledger.count({ kind: 'login', outcome: 'ok' }), 2);
  });
});
