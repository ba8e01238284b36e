import assert from 'node:assert/strict';
import type { Grant } from '../../src/tokens/token.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';

const DAY = 86_400_000;

/** An account whose refresh token of one day was renewed an hour later, with this answer. */
async function renewed(
  answer: Partial<Grant>,
): Promise<{ readonly end: number | undefined; readonly refresh: string | undefined; readonly now: number }> {
  const first = granted({ refreshSecret: 'r1', refreshLifetime: 86_400 });
  const { manager, records, clock } = await managed(fakeCredential({}, first, granted(answer)));
  const token = await manager.get('crm');
  assert.equal(manager.status()[0]?.refreshExpiresAt, clock.wall() + DAY);
  clock.pass(3_600_000);
  await manager.renew('crm', token);
  const refresh = (await records.read('crm')).token?.revealRefresh();
  return { end: manager.status()[0]?.refreshExpiresAt, refresh, now: clock.wall() };
}

describe('the end of a refresh token', () => {
  it('stays where it was, if the endpoint sends no new one', async () => {
    const { end, refresh, now } = await renewed({ refreshSecret: undefined });
    assert.deepEqual([refresh, end], ['r1', now - 3_600_000 + DAY]);
  });

  it('is put off, if the endpoint says so without sending a new one', async () => {
    const { end, refresh, now } = await renewed({ refreshSecret: undefined, refreshLifetime: 7_200 });
    assert.deepEqual([refresh, end], ['r1', now + 7_200_000]);
  });

  it('is unknown for a new one that comes without an end', async () => {
    const { end, refresh } = await renewed({ refreshSecret: 'r2' });
    assert.deepEqual([refresh, end], ['r2', undefined]);
  });

  it('is the one that comes with a new one', async () => {
    const { end, refresh, now } = await renewed({ refreshSecret: 'r2', refreshLifetime: 60 });
    assert.deepEqual([refresh, end], ['r2', now + 60_000]);
  });

  it('leads to a login: it is not sent after it', async () => {
    const credential = fakeCredential({}, granted({ refreshLifetime: 60 }));
    const { manager, clock } = await managed(credential);
    const token = await manager.get('crm');
    clock.pass(60_000);
    await manager.renew('crm', token);
    assert.deepEqual(credential.calls, ['login', 'login']);
  });
});
