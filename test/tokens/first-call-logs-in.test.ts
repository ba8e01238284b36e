import assert from 'node:assert/strict';
import { freshWorld, headerValues, VENDORS } from '../support/world.ts';

describe('the first call of an account', () => {
  const world = freshWorld();

  const attached = {
    softline: { header: 'AuthorizationJWT', value: 'Bearer <softline#1>', absent: 'authorization' },
    chatapp: { header: 'Authorization', value: '<chatapp#1>', absent: 'authorizationjwt' },
    twin: { header: 'Authorization', value: 'Bearer <twin#1>', absent: 'authorizationjwt' },
  } as const;
  for (const { vendor, read } of VENDORS) {
    const { header, value, absent } = attached[vendor];
    it(`${vendor}: logs in once and sends "${header}: ${value}"`, async () => {
      const { sandbox } = world();
      const answer = await world().call(read);
      assert.equal(answer.status, 200);
      const arrivals = sandbox.ledger.entries({ vendor });
      assert.deepEqual(
        arrivals.map(({ kind, outcome }) => [kind, outcome]),
        [
          ['login', 'ok'],
          ['api', 'ok'],
        ],
      );
      assert.deepEqual(headerValues(arrivals[1]!.rawHeaders, header), [value]);
      assert.deepEqual(headerValues(arrivals[1]!.rawHeaders, absent), []);
    });

    it(`${vendor}: the calls after it use the same token`, async () => {
      const { sandbox } = world();
      for (let i = 0; i < 5; i += 1) assert.equal((await world().call(read)).status, 200);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'login' }), 1);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'api', tokenId: `${vendor}#1` }), 5);
    });

    it(`${vendor}: 100 first calls at the same time make one login`, async () => {
      const { sandbox } = world();
      sandbox[vendor].set({ loginDelayMs: 50 });
      const answers = await Promise.all(Array.from({ length: 100 }, () => world().call(read)));
      assert.ok(answers.every(({ status }) => status === 200));
      assert.equal(sandbox.ledger.count({ vendor, where: ({ kind }) => kind !== 'api' }), 1);
    });
  }

  it('one TWIN token serves all of its hosts', async () => {
    const { sandbox } = world();
    assert.equal((await world().call('/twin/iam/api/v1/users/me')).status, 200);
    assert.equal(
      (await world().call('/twin/cis/api/v1/telephony/autoCall', { method: 'POST', body: '{}' })).status,
      200,
    );
    assert.equal((await world().call('/twin/notify/api/v1/messages', { method: 'POST', body: '{}' })).status, 200);
    assert.equal(sandbox.ledger.count({ vendor: 'twin', kind: 'login' }), 1);
    assert.deepEqual(
      sandbox.ledger.entries({ vendor: 'twin', kind: 'api' }).map(({ service, tokenId }) => [service, tokenId]),
      [
        ['iam', 'twin#1'],
        ['cis', 'twin#1'],
        ['notify', 'twin#1'],
      ],
    );
  });

  it('passwords with quotes, dollars and letters beyond ASCII arrive as configured', async () => {
    // The sandbox's own passwords are such ones: a login that works is the proof.
    const { sandbox } = world();
    assert.match(sandbox.credentials.softline.password, /\$&/);
    for (const { read } of VENDORS) assert.equal((await world().call(read)).status, 200);
  });

  it('a token full of dollars and slashes arrives as it is', async () => {
    const { sandbox } = world();
    sandbox.chatapp.set({ tokenShape: 'bcrypt', tokenPrefix: "$&$1$'$`$$/." });
    assert.equal((await world().call('/crm/v1/licenses')).status, 200);
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'api', tokenId: 'chatapp#1', outcome: 'ok' }), 1);
  });
});
