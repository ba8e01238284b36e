import assert from 'node:assert/strict';
import { FakeClock } from '../../support/clock.ts';
import { freshWorld, tokenCalls, VENDORS, withRoute } from '../../support/world.ts';

describe('an upstream that calls every token dead', () => {
  const world = freshWorld();

  for (const { vendor, read } of VENDORS) {
    it(`${vendor}: one renewal, one replay, then its own answer; 50 more calls renew nothing`, async () => {
      const { sandbox } = world();
      await world().call(read);
      sandbox[vendor].set({
        alwaysDead: true,
        deadTokenAnswer: {
          status: vendor === 'chatapp' ? 403 : 401,
          body: { success: false, errors: [{ error: 1007 }], error: { code: 'ApiInvalidTokenError' }, mark: 'theirs' },
        },
      });
      sandbox.ledger.clear();

      const answer = await world().call(read);
      assert.equal(answer.status, vendor === 'chatapp' ? 403 : 401);
      assert.equal((answer.json() as { mark: string }).mark, 'theirs');
      assert.equal(answer.headers['x-tokenward-error'], undefined);
      assert.deepEqual(
        sandbox.ledger.entries({ vendor }).map(({ kind }) => kind),
        ['api', vendor === 'softline' ? 'login' : 'refresh', 'api'],
      );

      for (let i = 0; i < 50; i += 1) assert.equal((await world().call(read)).status, answer.status);
      assert.equal(tokenCalls(sandbox, vendor), 1);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'api' }), 2 + 50);
    });

    it(`${vendor}: 50 different paths at the same time renew once`, async () => {
      const { sandbox } = world();
      await world().call(read);
      sandbox[vendor].set({ alwaysDead: true });
      sandbox.ledger.clear();
      const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => world().call(`${read}/${index}`)));
      assert.ok(answers.every(({ status }) => status === 401 || status === 403));
      for (let index = 0; index < 20; index += 1) await world().call(`${read}/later/${index}`);
      assert.equal(tokenCalls(sandbox, vendor), 1);
    });
  }

  it('a call that arrives between the renewal and the second refusal starts no other renewal', async () => {
    const { sandbox } = world();
    await world().call('/softline/v1/order/77');
    sandbox.softline.set({ alwaysDead: true });
    sandbox.ledger.clear();
    // Every answer takes a while, so that calls with the new token overlap with the replay that tries it.
    sandbox.softline.set({ deadTokenDelayMs: { min: 50, max: 150 } });
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        for (let round = 0; round < 3; round += 1) await world().call(`/softline/v1/order/${index}-${round}`);
      }),
    );
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
  });

  it('a call that is refused with every token does not stop the others from being healed', async () => {
    const { sandbox } = world();
    await world().call('/crm/v1/licenses');
    // One call answers as if its token were dead, whatever it is.
    sandbox.chatapp.set({
      apiOverride: { status: 403, body: { success: false, error: { code: 'ApiInvalidTokenError' } }, count: 2 },
    });
    assert.equal((await world().call('/crm/v1/me')).status, 403);
    assert.equal((await world().call('/crm/v1/licenses')).status, 200);
    sandbox.chatapp.revokeCurrent();
    assert.equal((await world().call('/crm/v1/licenses')).status, 200);
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'refresh' }), 2);
  });
});

describe('an upstream that calls every token dead, over time', () => {
  const clock = new FakeClock();
  const world = freshWorld({ surroundings: { clock } });

  it('is tried again after the cooldown, once, and the cooldown grows', async () => {
    const { sandbox } = world();
    await world().call('/softline/v1/order/77');
    sandbox.softline.set({ alwaysDead: true });
    const storm = async (): Promise<number> => {
      const before = tokenCalls(sandbox, 'softline');
      for (let i = 0; i < 10; i += 1) await world().call('/softline/v1/order/77');
      return tokenCalls(sandbox, 'softline') - before;
    };
    assert.equal(await storm(), 1);
    clock.pass(29_000);
    assert.equal(await storm(), 0);
    clock.pass(2_000);
    assert.equal(await storm(), 1);
    clock.pass(31_000);
    assert.equal(await storm(), 0);
    // Over an hour of it: no more than one renewal in five minutes, and a few to begin with.
    let renewals = 0;
    for (let minute = 0; minute < 60; minute += 1) {
      clock.pass(60_000);
      renewals += await storm();
    }
    assert.ok(renewals >= 10 && renewals <= 14, `${renewals} renewals in an hour`);
  });

  it('is healed at once after it has come to its senses', async () => {
    const { sandbox } = world();
    await world().call('/softline/v1/order/77');
    sandbox.softline.set({ alwaysDead: true });
    assert.equal((await world().call('/softline/v1/order/77')).status, 401);
    sandbox.softline.set({ alwaysDead: false });
    assert.equal((await world().call('/softline/v1/order/77')).status, 200);
    clock.pass(31_000);
    sandbox.softline.revokeCurrent();
    assert.equal((await world().call('/softline/v1/order/77')).status, 200);
  });
});

describe('an upstream that calls every token dead, on a route that does not replay', () => {
  const world = freshWorld({ config: withRoute('/softline', { replay: false }) });

  it('renews once as well: without a replay the next call is the proof', async () => {
    const { sandbox } = world();
    await world().call('/softline/v1/order/77');
    sandbox.softline.set({ alwaysDead: true });
    sandbox.ledger.clear();
    for (let i = 0; i < 50; i += 1) assert.equal((await world().call(`/softline/v1/order/${i}`)).status, 401);
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
  });
});
