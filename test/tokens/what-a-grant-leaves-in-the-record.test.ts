import assert from 'node:assert/strict';
import { Token } from '../../src/tokens/token.ts';
import { failed, fakeCredential, granted } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { inVirtualTime } from './in-virtual-time.ts';

describe('what a grant leaves in the record', () => {
  it('of a login: when it worked, and when the last login took the place of a refresh', async () => {
    const credential = fakeCredential({}, granted({ refreshSecret: undefined }));
    const { manager, clock, token, stored, leave } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    const gaveUpAt = clock.wall();
    await leave({ gaveUpAt, failures: 3, refreshFailures: 3 });
    clock.pass(10_000);
    await token(() => manager.renew('crm', first));
    const record = await stored();
    assert.deepEqual([record.loggedInAt, record.gaveUpAt], [clock.wall(), gaveUpAt]);
    assert.deepEqual([record.failures, record.refreshFailures, record.intent], [0, 0, undefined]);
  });

  it('of a refresh: when the last login worked; no login takes its place from now on', async () => {
    const { manager, clock, token, stored, leave } = await inVirtualTime(fakeCredential());
    const first = await token(() => manager.get('crm'));
    const loggedInAt = clock.wall();
    await leave({ gaveUpAt: loggedInAt, failures: 3, refreshFailures: 2 });
    clock.pass(10_000);
    await token(() => manager.renew('crm', first));
    const record = await stored();
    assert.deepEqual([record.loggedInAt, record.gaveUpAt], [loggedInAt, undefined]);
    assert.deepEqual([record.failures, record.refreshFailures, record.intent], [0, 0, undefined]);
  });

  it('of a login in place of a failing refresh: when that was', async () => {
    const credential = fakeCredential({}, granted(), failed());
    const { manager, clock, token, stored, leave } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await leave({ failures: 2, refreshFailures: 2 });
    clock.pass(10_000);
    await token(() => manager.renew('crm', first));
    assert.deepEqual([credential.calls, (await stored()).gaveUpAt], [['login', 'refresh', 'login'], clock.wall()]);
  });

  it('that could not be stored: all of it, once the next renewal finds the store back; and the lease is free', async () => {
    const credential = fakeCredential();
    const { manager, clock, token, stored, store, time, observed } = await inVirtualTime(credential);
    credential.answers.push(() => {
      store.failing.add('replace').add('check');
      return granted({ refreshSecret: 'r1' });
    });
    const first = await token(() => manager.get('crm'));
    assert.deepEqual(observed.storeFailed, ['write']);
    const loggedInAt = clock.wall();
    // By now the grant is offered to the store every two seconds.
    await time.advance(19_100);
    store.failing.clear();
    await token(() => manager.renew('crm', first));
    await settled();
    const { generation, loggedInAt: found } = await stored();
    assert.deepEqual([generation, found, credential.spent, store.leases.size], [2, loggedInAt, ['r1'], 0]);
  });

  it('that could not be stored: nothing, where another process has renewed since; its expired token is renewed', async () => {
    const credential = fakeCredential();
    const { manager, clock, token, stored, store, leave } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    credential.answers.push(() => {
      store.failing.add('replace').add('check');
      return granted();
    });
    const second = await token(() => manager.renew('crm', first));
    store.failing.clear();
    const facts = { generation: 3, obtainedAt: clock.wall() - 60_000, refreshExpiresAt: undefined, deadline: 0 };
    const theirs = new Token({ ...facts, expiresAt: clock.wall() }, 'theirs', 'their refresh token');
    await leave({ generation: 3, token: theirs, intent: undefined });
    assert.equal((await token(() => manager.renew('crm', second))).generation, 4);
    assert.equal(credential.spent.at(-1), 'their refresh token');
    assert.equal((await stored()).generation, 4);
  });
});
