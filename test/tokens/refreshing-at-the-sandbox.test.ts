import assert from 'node:assert/strict';
import { FakeClock } from '../support/clock.ts';
import { freshWorld, tokenCalls, VENDORS, withAccount } from '../support/world.ts';

const REFRESHING = VENDORS.slice(1) as unknown as readonly Extract<
  (typeof VENDORS)[number],
  { vendor: 'chatapp' | 'twin' }
>[];

describe('a refresh whose answer was lost', () => {
  const clock = new FakeClock();
  const world = freshWorld({ surroundings: { clock } });

  for (const { vendor, read } of REFRESHING) {
    it(`${vendor}, strict rotation: the refresh token is not sent again; a login takes its place, the family lives, and the caller notices nothing`, async () => {
      const { sandbox } = world();
      await world().call(read);
      sandbox[vendor].set({ rotation: 'strict', refreshMode: 'commit-then-reset', refreshModeCount: 1 });
      sandbox[vendor].revokeCurrent();
      for (let i = 0; i < 20; i += 1) assert.equal((await world().call(read)).status, 200);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'refresh' }), 1);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'login' }), 2);
      assert.equal(sandbox.ledger.count({ vendor, where: ({ reason }) => reason === 'family-revoked' }), 0);
    });

    it(`${vendor}: a refresh token that was refused leads to one login, and nobody sees it`, async () => {
      const { sandbox } = world();
      for (const end of ['expireRefresh', 'revokeRefresh'] as const) {
        await world().call(read);
        sandbox.ledger.clear();
        sandbox[vendor][end]();
        sandbox[vendor].revokeCurrent();
        assert.equal((await world().call(read)).status, 200);
        assert.deepEqual(
          sandbox.ledger.entries({ vendor }).map(({ kind, outcome }) => `${kind} ${outcome}`),
          ['api dead-token', 'refresh refused', 'login ok', 'api ok'],
        );
      }
    });

    for (const style of ['omit', 'empty', 'same'] as const) {
      it(`${vendor}: an answer with the refresh token ${style === 'omit' ? 'left out' : style === 'empty' ? 'empty' : 'unchanged'} keeps the old one in use`, async () => {
        const { sandbox } = world();
        await world().call(read);
        sandbox[vendor].set({ refreshTokenInAnswer: style });
        for (let round = 0; round < 3; round += 1) {
          sandbox[vendor].revokeCurrent();
          assert.equal((await world().call(read)).status, 200);
        }
        assert.deepEqual(
          sandbox.ledger
            .entries({ vendor, kind: 'refresh' })
            .map(({ refreshTokenId, outcome }) => `${refreshTokenId} ${outcome}`),
          [`${vendor}#1 ok`, `${vendor}#1 ok`, `${vendor}#1 ok`],
        );
        assert.equal(sandbox.ledger.count({ vendor, kind: 'login' }), 1);
      });
    }
  }
});

describe('a refresh whose answer was lost, where the endpoint forgives a repeat', () => {
  const clock = new FakeClock();
  const world = freshWorld({
    surroundings: { clock },
    config: (base) => withAccount('twin', { rotationGrace: 60 })(withAccount('crm', { rotationGrace: 60 })(base)),
  });

  for (const { vendor, read } of REFRESHING) {
    for (const graceReturns of ['same-pair', 'new-pair'] as const) {
      it(`${vendor} (${graceReturns}): it is sent once more, and no login is made`, async () => {
        const { sandbox } = world();
        await world().call(read);
        sandbox[vendor].set({
          rotation: 'strict',
          rotationGraceSeconds: 60,
          graceReturns,
          refreshMode: 'commit-then-reset',
          refreshModeCount: 1,
        });
        sandbox[vendor].revokeCurrent();
        assert.equal((await world().call(read)).status, 200);
        assert.deepEqual(
          sandbox.ledger.entries({ vendor, kind: 'refresh' }).map(({ refreshTokenId }) => refreshTokenId),
          [`${vendor}#1`, `${vendor}#1`],
        );
        assert.equal(sandbox.ledger.count({ vendor, kind: 'login' }), 1);
      });
    }
  }
});

describe('a token whose end has come by the clock', () => {
  const clock = new FakeClock();
  const world = freshWorld({ surroundings: { clock } });

  for (const { vendor, read, renewal } of VENDORS) {
    it(`${vendor}: is renewed before the call goes out, once for all callers, and not sooner than need be`, async () => {
      const { sandbox } = world();
      sandbox[vendor].set({ accessTtlSeconds: 1_000 });
      await world().call(read);
      const life = vendor === 'softline' ? 86_400_000 : 1_000_000;
      clock.pass(0.7 * life);
      await world().call(read);
      assert.equal(tokenCalls(sandbox, vendor), 1);
      clock.pass(0.31 * life);
      const answers = await Promise.all(Array.from({ length: 50 }, () => world().call(read)));
      assert.ok(answers.every(({ status }) => status === 200));
      assert.equal(sandbox.ledger.count({ vendor, outcome: 'dead-token' }), 0, 'a dead token was sent');
      assert.equal(sandbox.ledger.count({ vendor, kind: renewal }), renewal === 'login' ? 2 : 1);
      assert.equal(tokenCalls(sandbox, vendor), 2);
    });
  }

  it('ChatApp: nothing is renewed while nobody calls, nor by a timer', async () => {
    const { sandbox } = world();
    await world().call('/crm/v1/licenses');
    clock.pass(23.9 * 3_600_000);
    for (let i = 0; i < 20; i += 1) await world().call('/crm/v1/licenses');
    assert.equal(tokenCalls(sandbox, 'chatapp'), 1);
    clock.pass(10 * 86_400_000);
    await new Promise(setImmediate);
    assert.equal(tokenCalls(sandbox, 'chatapp'), 1);
    assert.equal((await world().call('/crm/v1/licenses')).status, 200);
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'refresh' }), 1);
  });
});
