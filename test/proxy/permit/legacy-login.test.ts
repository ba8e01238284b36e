import assert from 'node:assert/strict';
import { both, freshWorld, ownCode, withRoute, VENDORS } from '../../support/world.ts';

const LOGINS = {
  softline: ['/softline/v1/login_check'],
  chatapp: ['/crm/v1/tokens', '/crm/v1/tokens/refresh'],
  twin: ['/twin/iam/api/v1/auth/login', '/twin/iam/api/v1/auth/refresh', '/twin/cis/api/v1/auth/login'],
} as const;
const PREFIXES = ['/softline', '/crm', '/twin/iam', '/twin/cis'];
const login = {
  method: 'POST',
  body: '{"username":"me","password":"mine"}',
  headers: { 'content-type': 'application/json' },
};

describe('a legacy app that logs in by itself, where the route refuses it', () => {
  const world = freshWorld();

  for (const { vendor } of VENDORS) {
    for (const target of LOGINS[vendor]) {
      const spellings = [
        target,
        `${target}/`,
        `${target}?x=1`,
        target.replace('/v1/', '/v1///'),
        target.toUpperCase().replace(/^\/(SOFTLINE|CRM|TWIN\/IAM|TWIN\/CIS)/, (prefix) => prefix.toLowerCase()),
        target.replace(/(.)$/, (last) => `%${last.charCodeAt(0).toString(16)}`),
        `${target};a=b`,
      ];
      it(`${target}: 403 in every spelling and by every method, and nothing arrives`, async () => {
        const { sandbox } = world();
        for (const spelling of spellings) {
          for (const method of ['POST', 'GET', 'PUT']) {
            const answer = await world().call(spelling, { ...login, method });
            assert.equal(answer.status, 403, `${method} ${spelling}`);
            assert.equal(ownCode(answer), 'login_path_refused');
          }
        }
        assert.equal(sandbox.ledger.count(), 0);
      });
    }
  }

  it('other paths that begin in the same way pass', async () => {
    const { sandbox } = world();
    await world().call('/crm/v1/tokens/check');
    await world().call('/softline/v1/login_checks');
    assert.deepEqual(
      sandbox.ledger.entries({ kind: 'api' }).map(({ target }) => target),
      ['/v1/tokens/check', '/v1/login_checks'],
    );
  });
});

describe('a legacy app that logs in by itself, where the route answers it', () => {
  const world = freshWorld({
    config: (base) => both(...PREFIXES.map((prefix) => withRoute(prefix, { legacyLogin: 'answer' })))(base),
  });

  it("gets a made-up token in the upstream's form, and nothing arrives there", async () => {
    const { sandbox } = world();
    const managed = 'managed-by-tokenward';
    assert.deepEqual((await world().call('/softline/v1/login_check', login)).json(), {
      token: managed,
      refresh_token: managed,
    });
    assert.deepEqual((await world().call('/crm/v1/tokens', login)).json(), {
      success: true,
      data: { accessToken: managed, refreshToken: managed },
    });
    assert.deepEqual((await world().call('/twin/iam/api/v1/auth/login', login)).json(), {
      token: managed,
      refreshToken: managed,
    });
    assert.equal(sandbox.ledger.count(), 0);
  });

  it('what it then sends as its token is replaced by the real one', async () => {
    const { sandbox } = world();
    assert.equal(
      (await world().call('/softline/v1/order/77', { headers: { AuthorizationJWT: 'Bearer managed-by-tokenward' } }))
        .status,
      200,
    );
    assert.equal(
      (await world().call('/crm/v1/licenses', { headers: { Authorization: 'managed-by-tokenward' } })).status,
      200,
    );
    assert.equal(sandbox.ledger.count({ kind: 'api', outcome: 'ok' }), 2);
  });

  it('by another method it is refused: a made-up answer would not fit', async () => {
    const { sandbox } = world();
    assert.equal(ownCode(await world().call('/crm/v1/tokens')), 'login_path_refused');
    assert.equal(sandbox.ledger.count(), 0);
  });
});

describe('a legacy app that logs in by itself, where the route forwards it', () => {
  const world = freshWorld({
    config: (base) => both(...PREFIXES.map((prefix) => withRoute(prefix, { legacyLogin: 'forward' })))(base),
  });

  it('has its login reach the upstream as it is', async () => {
    const { sandbox } = world();
    const answer = await world().call('/softline/v1/login_check', {
      ...login,
      body: JSON.stringify(sandbox.credentials.softline),
    });
    assert.equal(answer.status, 200);
    assert.equal(typeof (answer.json() as { token: unknown }).token, 'string');
    assert.equal(sandbox.ledger.count({ kind: 'login', outcome: 'ok' }), 2);
  });
});
