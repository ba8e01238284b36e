import assert from 'node:assert/strict';
import { failed, granted, managed, fakeCredential } from '../support/credential.ts';

const DAY = 86_400_000;
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
};

describe('the end of a token', () => {
  for (const [name, lifetime, life] of [
    ['3600 s', 3_600, 3_600_000],
    ['3600.5 s', 3_600.5, 3_600_500],
    ['0: it is used for half a minute', 0, 30_000],
    ['-1: our clock may be fast, so the same', -1, 30_000],
    ['1e12 s: not believed beyond 31 days', 1e12, 31 * DAY],
  ] as const) {
    it(`by a lifetime of ${name}`, async () => {
      const credential = fakeCredential({}, granted({ lifetime }));
      const { manager, clock } = await managed(credential);
      const token = await manager.get('crm');
      assert.equal(token.expiresAt, clock.wall() + life);
      clock.pass(life - 1_001);
      assert.equal(manager.get('crm'), token);
      clock.pass(1_001);
      assert.equal((await manager.get('crm')).generation, 2);
      assert.deepEqual(credential.calls, ['login', 'refresh']);
    });
  }

  it('is unknown if nobody says when: it lives until it is refused', async () => {
    const credential = fakeCredential({}, granted({ lifetime: undefined }));
    const { manager, clock } = await managed(credential);
    const token = await manager.get('crm');
    clock.pass(400 * DAY);
    assert.equal(manager.get('crm'), token);
    assert.equal((await manager.renew('crm', token)).generation, 2);
  });

  it('renews before it, in the background, once, while calls go on with the old one (early)', async () => {
    const credential = fakeCredential({ renew: 'early' });
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    clock.pass(0.79 * 3_600_000);
    assert.equal(manager.get('crm'), first);
    await turns();
    assert.deepEqual(credential.calls, ['login']);
    clock.pass(0.02 * 3_600_000);
    for (let i = 0; i < 100; i += 1) assert.equal(manager.get('crm'), first);
    await turns();
    assert.deepEqual(credential.calls, ['login', 'refresh']);
    assert.equal((await manager.get('crm')).generation, 2);
  });

  it('is spread between 75 % and 85 % of the life, so that many accounts do not renew together', async () => {
    for (const [random, at] of [
      [0, 0.85],
      [1, 0.75],
    ] as const) {
      const credential = fakeCredential({ renew: 'early' });
      const { manager, clock } = await managed(credential, { random: () => random });
      await manager.get('crm');
      clock.pass((at - 0.001) * 3_600_000);
      await manager.get('crm');
      await turns();
      assert.deepEqual(credential.calls, ['login']);
      clock.pass(0.002 * 3_600_000);
      await manager.get('crm');
      await turns();
      assert.deepEqual(credential.calls, ['login', 'refresh']);
    }
  });

  it('never renews before it on demand, and does not renew by itself after it', async () => {
    const credential = fakeCredential({ renew: 'on-demand' });
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    clock.pass(3_598_999);
    assert.equal(manager.get('crm'), first);
    await turns();
    assert.deepEqual(credential.calls, ['login']);
    clock.pass(100 * DAY);
    await turns();
    assert.deepEqual(credential.calls, ['login']);
    await manager.get('crm');
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('an early renewal that fails is tried again after half a minute at the soonest, and the token goes on', async () => {
    const credential = fakeCredential({ renew: 'early' }, granted(), failed(), failed());
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    clock.pass(0.86 * 3_600_000);
    for (let second = 0; second < 29; second += 1) {
      assert.equal(manager.get('crm'), first);
      clock.pass(1_000);
      await turns();
    }
    assert.equal(credential.calls.length, 2);
    clock.pass(2_000);
    await manager.get('crm');
    await turns();
    assert.equal(credential.calls.length, 3);
    assert.match(manager.status()[0]?.problem ?? '', /refresh failed/);
    assert.equal(manager.status()[0]?.ready, true);
  });

  it('in its last second it is renewed first: it would be over when it arrives', async () => {
    const credential = fakeCredential();
    const { manager, clock } = await managed(credential);
    await manager.get('crm');
    clock.pass(3_599_500);
    assert.equal((await manager.get('crm')).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('in its last second it serves all the same, if there is no newer one to be had', async () => {
    const credential = fakeCredential({}, granted(), failed(), failed());
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    clock.pass(3_599_500);
    assert.equal(await manager.get('crm'), first);
  });

  it('is stored: a restart does not prolong it', async () => {
    const world = await managed(fakeCredential());
    await world.manager.get('crm');
    world.clock.pass(3_000_000);
    const later = fakeCredential();
    const { manager, clock } = await world.restart(later);
    assert.equal((await manager.get('crm')).generation, 1);
    clock.pass(600_000);
    assert.equal((await manager.get('crm')).generation, 2);
    assert.deepEqual(later.calls, ['refresh']);
  });

  it('the point of early renewal survives a restart as well', async () => {
    const world = await managed(fakeCredential({ renew: 'early' }));
    await world.manager.get('crm');
    world.clock.pass(0.5 * 3_600_000);
    const later = fakeCredential({ renew: 'early' });
    const { manager, clock } = await world.restart(later);
    await manager.get('crm');
    await turns();
    assert.deepEqual(later.calls, []);
    clock.pass(0.31 * 3_600_000);
    await manager.get('crm');
    await turns();
    assert.deepEqual(later.calls, ['refresh']);
  });
});

describe('a wall clock that jumps', () => {
  it('back: does not prolong a token', async () => {
    const credential = fakeCredential();
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    clock.jump(-DAY);
    assert.equal(manager.get('crm'), first);
    clock.pass(3_600_001);
    assert.equal((await manager.get('crm')).generation, 2);
  });

  it('back by an hour or a day costs no renewal', async () => {
    for (const jump of [3_600_000, DAY]) {
      const credential = fakeCredential();
      const { manager, clock } = await managed(credential);
      const first = await manager.get('crm');
      clock.jump(-jump);
      assert.equal(manager.get('crm'), first);
      assert.deepEqual(credential.calls, ['login']);
    }
  });

  it('forward costs one renewal, not a loop of them', async () => {
    const credential = fakeCredential();
    const { manager, clock } = await managed(credential);
    await manager.get('crm');
    clock.jump(DAY);
    for (let i = 0; i < 20; i += 1) await manager.get('crm');
    assert.deepEqual(credential.calls, ['login', 'refresh']);
    clock.jump(-DAY);
    for (let i = 0; i < 20; i += 1) await manager.get('crm');
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('back after a failure: the pause does not last for days', async () => {
    const credential = fakeCredential({}, failed(), failed());
    const { manager, clock } = await managed(credential);
    await assert.rejects(async () => manager.get('crm'));
    clock.jump(-DAY);
    assert.equal((await manager.get('crm')).generation, 1);
  });

  it('back over a restart: the stored token is believed for its own life at most', async () => {
    const world = await managed(fakeCredential());
    await world.manager.get('crm');
    world.clock.jump(-DAY);
    const later = fakeCredential();
    const { manager, clock } = await world.restart(later);
    assert.equal((await manager.get('crm')).generation, 1);
    clock.pass(3_600_001);
    assert.equal((await manager.get('crm')).generation, 2, 'a day with the wrong clock has prolonged it');
  });
});
