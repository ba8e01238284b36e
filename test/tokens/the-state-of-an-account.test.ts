import assert from 'node:assert/strict';
import { failed, granted, managed, fakeCredential, refused, type Managed } from '../support/credential.ts';

const word = ({ manager }: Pick<Managed, 'manager'>): string | undefined => manager.status()[0]?.state;
const quietly = (ask: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(ask)
    .catch(() => undefined);

describe('the state of an account', () => {
  it('unused, renewing, working', async () => {
    let give!: () => void;
    const world = await managed(fakeCredential({}, () => new Promise((resolve) => (give = () => resolve(granted())))));
    assert.equal(word(world), 'unused');
    const asked = world.manager.get('crm');
    while (give === undefined) await new Promise(setImmediate);
    assert.equal(word(world), 'renewing');
    give();
    await asked;
    assert.equal(word(world), 'working');
  });

  it('down, steadily, from the failed renewal of a refused token to the next token: also between requests and while the next try is under way', async () => {
    const tries = Array.from({ length: 8 }, () => () => {
      seen.push(word(world));
      return failed();
    });
    const seen: (string | undefined)[] = [];
    const world = await managed(fakeCredential({ canRefresh: false }, granted(), ...tries));
    const token = await world.manager.get('crm');
    await quietly(() => world.manager.renew('crm', token));
    seen.length = 0;
    for (let i = 0; i < 6; i += 1) {
      seen.push(word(world));
      world.clock.pass(40_000);
      // The token may be tried again; that its upstream refuses it once more changes nothing.
      assert.equal(await quietly(() => world.manager.get('crm')), token);
      seen.push(word(world));
      await quietly(() => world.manager.renew('crm', token));
    }
    assert.deepEqual(new Set(seen), new Set(['down']));
    assert.equal(world.manager.status()[0]?.ready, false);
    assert.ok(world.manager.status()[0]!.refusedAt! > 0);
    world.clock.pass(40_000);
    await world.manager.renew('crm', token);
    assert.equal(word(world), 'working');
  });

  it('degraded: the renewal fails, and the token in use is still accepted', async () => {
    const world = await managed(fakeCredential({}, granted(), failed(), failed()));
    const token = await world.manager.get('crm');
    await quietly(() => world.manager.renew('crm', token));
    assert.equal(word(world), 'down');
    // It was one call that was refused; others are served with it.
    world.manager.accepted('crm', token);
    assert.equal(word(world), 'degraded');
  });

  it('does not go up and down when one call is refused whatever the token, and the others are not', async () => {
    const world = await managed(fakeCredential({}, granted(), granted()));
    const first = await world.manager.get('crm');
    const second = await world.manager.renew('crm', first);
    const seen = new Set<string | undefined>();
    world.manager.rejected('crm', second);
    world.manager.accepted('crm', second);
    for (let i = 0; i < 20; i += 1) {
      world.manager.rejected('crm', second);
      seen.add(word(world));
      world.manager.accepted('crm', second);
      seen.add(word(world));
      world.clock.pass(10_000);
    }
    assert.deepEqual([...seen], ['working']);
  });

  it('down: a renewal did not help, the newest token is refused as well, and nobody has accepted it', async () => {
    const world = await managed(fakeCredential());
    const first = await world.manager.get('crm');
    const second = await world.manager.renew('crm', first);
    world.manager.rejected('crm', second);
    assert.equal(word(world), 'down');
    world.manager.accepted('crm', second);
    assert.equal(word(world), 'working');
  });

  it('out_of_logins: the token is refused and the budget used up', async () => {
    const budget = { key: 'logins', logins: 3, window: 86_400_000, reserve: 1 };
    const world = await managed(fakeCredential({ canRefresh: false, budget }));
    let token = await world.manager.get('crm');
    token = await world.manager.renew('crm', token);
    await quietly(() => world.manager.renew('crm', token));
    assert.equal(word(world), 'out_of_logins');
    assert.deepEqual(
      [world.manager.status()[0]?.budget?.remaining, world.manager.status()[0]?.budget?.reserveRemaining],
      [0, 1],
    );
    await world.manager.renewNow('crm', { useReserve: true });
    assert.equal(word(world), 'working');
  });

  it('dead: the credentials are refused and there is no token that works; while one does, degraded', async () => {
    const world = await managed(fakeCredential({ canRefresh: false }, granted({ lifetime: 36_000 }), refused));
    const token = await world.manager.get('crm');
    world.clock.pass(4_000_000);
    await quietly(() => world.manager.renew('crm', token));
    assert.equal(word(world), 'dead');
    world.manager.accepted('crm', token);
    assert.deepEqual([word(world), world.manager.status()[0]?.dead], ['degraded', true]);
  });

  it('a fixed token that the upstream refuses is down until it is accepted', async () => {
    const world = await managed(fakeCredential({ staticToken: 'key', canLogin: false, canRefresh: false }));
    const token = await world.manager.get('crm');
    assert.equal(word(world), 'working');
    world.manager.rejected('crm', token);
    assert.deepEqual([word(world), world.manager.status()[0]?.ready], ['down', false]);
    world.manager.accepted('crm', token);
    assert.equal(word(world), 'working');
  });

  it('an account that cannot get a token because the store is away is down', async () => {
    const world = await managed(fakeCredential());
    world.store.failing.add('read');
    await quietly(() => world.manager.get('crm'));
    assert.equal(word(world), 'down');
    world.store.failing.clear();
    await world.manager.close();
  });
});
