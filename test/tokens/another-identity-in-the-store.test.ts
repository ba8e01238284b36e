import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Credential } from '../../src/tokens/credential.ts';
import { EMPTY_RECORD } from '../../src/tokens/records.ts';
import { keyBeside } from '../../src/tokens/store.ts';
import { Token } from '../../src/tokens/token.ts';
import { fakeCredential, managed } from '../support/credential.ts';
import { observing } from '../support/observer.ts';

/** A record of another identity, as another deployment writes it. */
function foreign(key: string) {
  const facts = { generation: 7, obtainedAt: Date.now(), expiresAt: undefined, refreshExpiresAt: undefined };
  const token = new Token({ ...facts, deadline: Infinity }, 'theirs', 'their refresh token');
  return { ...EMPTY_RECORD, generation: 7, identity: 'they', token, key };
}

describe("a record of another identity under an account's name", () => {
  async function observed() {
    const told: string[] = [];
    const observer = observing({ foreignRecord: ({ account }: Credential) => void told.push(account) });
    return { told, ...(await managed(fakeCredential(), { observer })) };
  }

  it('is told of once; and again if it comes back', async () => {
    const { told, manager, store, records } = await observed();
    let token = await manager.get('crm');
    assert.deepEqual(told, []);
    const own = store.records.get('crm')!;
    for (let times = 1; times <= 2; times += 1) {
      store.records.clear();
      await records.replace('crm', foreign('crm'));
      for (let i = 0; i < 3; i += 1) token = await manager.renew('crm', token);
      assert.deepEqual(told, Array(times).fill('crm'));
      // The other deployment is gone, and this one goes on under the account's name.
      store.records.delete('crm');
      token = await manager.renew('crm', token);
    }
    assert.ok(own.generation < token.generation);
  });

  it('is not used even if the digits of both identities are the same', async () => {
    const credential = fakeCredential();
    const world = await managed(credential);
    const beside = keyBeside('crm', createHash('sha256').update('who').digest('hex').slice(0, 8));
    for (const key of ['crm', beside]) await world.records.replace('crm', foreign(key));
    const token = await world.manager.get('crm');
    assert.notEqual(token.reveal(), 'theirs');
    assert.deepEqual([credential.calls, credential.spent], [['login'], []]);
  });
});
