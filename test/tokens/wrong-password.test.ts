import assert from 'node:assert/strict';
import { metric } from '../support/call.ts';
import { readinessOf } from '../support/operator.ts';
import { freshWorld, ownCode, tokenCalls, VENDORS } from '../support/world.ts';

describe('a wrong password', () => {
  const world = freshWorld({
    config: (base) => {
      const accounts = base['accounts'] as Record<string, { credentials: Record<string, string> }>;
      for (const account of Object.values(accounts)) account.credentials['password'] = 'not the right one';
      return base;
    },
  });

  for (const { vendor, account, read } of VENDORS) {
    it(`${vendor}: one login, then 503 credential_dead at once, without a Retry-After that would be untrue; 50 more calls make no login`, async () => {
      const { sandbox, proxy } = world();
      const first = await world().call(read);
      assert.equal(first.status, 503);
      assert.equal(ownCode(first), 'credential_dead');
      assert.equal(first.headers['retry-after'], undefined);
      assert.equal(first.headers['content-type'], 'application/problem+json');
      const answers = await Promise.all(Array.from({ length: 50 }, () => world().call(read)));
      assert.ok(answers.every((answer) => answer.status === 503 && ownCode(answer) === 'credential_dead'));
      assert.deepEqual(
        sandbox.ledger.entries({ vendor }).map(({ kind, outcome }) => [kind, outcome]),
        [['login', 'refused']],
      );

      const { problems } = await readinessOf(proxy);
      assert.deepEqual(
        problems.map((problem) => problem.account),
        [account],
      );
      assert.match(problems[0]!.problem, /refused the login/);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_credential_dead', { account }), 1);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_credential_dead'), 1);
      assert.equal(
        await metric(proxy.operatorUrl, 'tokenward_renewals_total', { account, kind: 'login', outcome: 'refused' }),
        1,
      );
    });
  }

  it('200 first calls at the same time make one login', async () => {
    const { sandbox } = world();
    sandbox.softline.set({ loginDelayMs: 50 });
    const answers = await Promise.all(Array.from({ length: 200 }, () => world().call('/softline/v1/order/77')));
    assert.ok(answers.every((answer) => ownCode(answer) === 'credential_dead'));
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
  });

  it("one account's wrong password leaves the accounts beside it alone", async () => {
    const { sandbox } = world();
    sandbox.twin.accounts.push({ ...sandbox.credentials.twin, password: 'not the right one' });
    assert.equal((await world().call('/softline/v1/order/77')).status, 503);
    assert.equal((await world().call('/twin/iam/api/v1/users/me')).status, 200);
  });
});

describe('a password that was changed at the upstream', () => {
  const world = freshWorld();

  for (const { vendor, account, read } of VENDORS) {
    it(`${vendor}: the token that lives goes on working after the login was refused, which it did within the last hour, so that nobody is called dead yet`, async () => {
      const { sandbox, proxy } = world();
      await world().call(read);
      // One call is refused although the token is good; the refresh and the login after it are refused too.
      const no = { status: 401, body: { success: false, error: { code: 'ApiInvalidCredentialsError' } } };
      sandbox[vendor].set({
        loginMode: no,
        apiOverride: {
          status: vendor === 'chatapp' ? 403 : 401,
          body: { success: false, errors: [{ error: 1007 }], error: { code: 'ApiInvalidTokenError' } },
          count: 1,
        },
      });
      if (vendor !== 'softline') sandbox[vendor].set({ refreshMode: no });
      const refused = await world().call(read);
      assert.equal(refused.status, 503);
      assert.equal(ownCode(refused), 'token_unavailable');
      assert.equal(refused.headers['retry-after'], '180');
      const before = tokenCalls(sandbox, vendor);

      for (let i = 0; i < 20; i += 1) assert.equal((await world().call(read)).status, 200);
      assert.equal(tokenCalls(sandbox, vendor), before);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_credential_dead', { account }), 0);
    });
  }

  it('the stored refresh token keeps ChatApp and TWIN going without the password', async () => {
    const { sandbox } = world();
    for (const { vendor, read } of VENDORS.slice(1)) {
      await world().call(read);
      sandbox[vendor].set({ loginMode: { status: 401, body: {} } });
      sandbox[vendor].revokeCurrent();
      assert.equal((await world().call(read)).status, 200);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'login' }), 1);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'refresh' }), 1);
    }
  });
});
