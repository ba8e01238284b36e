import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { both, freshWorld, ownCode, tokenCalls, withRoute } from '../../support/world.ts';

const LOGINS = [
  {
    vendor: 'softline',
    target: '/softline/v1/login_check',
    told: { token: 'managed-by-tokenward', refresh_token: 'managed-by-tokenward' },
  },
  {
    vendor: 'chatapp',
    target: '/crm/v1/tokens',
    told: { success: true, data: { accessToken: 'managed-by-tokenward', refreshToken: 'managed-by-tokenward' } },
  },
  {
    vendor: 'chatapp',
    target: '/crm/v1/tokens/refresh',
    told: { success: true, data: { accessToken: 'managed-by-tokenward', refreshToken: 'managed-by-tokenward' } },
  },
  {
    vendor: 'twin',
    target: '/twin/iam/api/v1/auth/login',
    told: { token: 'managed-by-tokenward', refreshToken: 'managed-by-tokenward' },
  },
  {
    vendor: 'twin',
    target: '/twin/iam/api/v1/auth/refresh',
    told: { token: 'managed-by-tokenward', refreshToken: 'managed-by-tokenward' },
  },
] as const;
const all = (change: object) =>
  both(...['/softline', '/crm', '/twin/iam'].map((prefix) => withRoute(prefix, change as Record<string, unknown>)));

describe('a legacy app that logs in by itself, on a route that answers', () => {
  const world = freshWorld({ config: all({ legacyLogin: 'answer' }) });

  for (const { vendor, target, told } of LOGINS) {
    it(`${target}: is told what it wants to hear, and nothing is sent`, async () => {
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
        assert.deepEqual(answer.json(), told);
      }
      // No other method is a login, but none may become one either.
      for (const method of ['GET', 'PUT', 'DELETE'])
        assert.equal(ownCode(await world().call(target, { method })), 'login_path_refused', method);
      assert.equal(sandbox.ledger.count({}), 0);
      assert.equal(tokenCalls(sandbox, vendor), 0);
    });
  }

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
