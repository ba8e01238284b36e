import assert from 'node:assert/strict';
import type { Credential } from '../../src/tokens/credential.ts';
import type { RenewalReport } from '../../src/tokens/observer.ts';
import { fakeCredential, managed } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';

const ignore = (): void => undefined;

/** An account, and why each of its renewals was begun. */
async function watched(change: Partial<Credential> = {}) {
  const why: (string | undefined)[][] = [];
  const observer = {
    renewed: (_: unknown, { cause }: RenewalReport) => void why.push([cause.why, cause.by]),
    suppressed: ignore,
    changed: ignore,
    storeFailed: ignore,
  };
  const { manager, clock, store } = await managed(fakeCredential({ renew: 'early', ...change }), { observer });
  const token = await manager.get('crm');
  return { manager, clock, store, token, why };
}

describe('a renewal says why it was begun', () => {
  it('for the first token', async () => {
    assert.deepEqual((await watched()).why, [['first', undefined]]);
  });

  it('for a token that has ended', async () => {
    const { manager, clock, why } = await watched();
    clock.pass(3_600_000);
    await manager.get('crm');
    assert.deepEqual(why[1], ['expired', undefined]);
  });

  it('for a rejected token, and by what', async () => {
    const { manager, token, why } = await watched();
    await manager.renew('crm', token, 'status 401');
    assert.deepEqual(why[1], ['refused', 'status 401']);
  });

  it('for one in its early window', async () => {
    const { manager, clock, why } = await watched();
    clock.pass(3_000_000);
    await manager.get('crm');
    await settled();
    assert.deepEqual(why[1], ['early', undefined]);
  });

  it('for one that would end on the way', async () => {
    const { manager, clock, why } = await watched();
    clock.pass(3_599_500);
    await manager.get('crm');
    assert.deepEqual(why[1], ['early', undefined]);
  });

  it('for one that has ended while its early renewal was held back', async () => {
    const renewalBudgets = [{ key: 'test/who#renewals', logins: 2, window: 86_400_000, reserve: 0 }];
    const { manager, clock, store, why } = await watched({ renewalBudgets });
    clock.pass(3_599_500);
    const debit = store.debit.bind(store);
    store.debit = async (...args) => {
      clock.pass(1_000);
      return debit(...args);
    };
    await manager.get('crm');
    assert.deepEqual(why, [
      ['first', undefined],
      ['expired', undefined],
    ]);
  });

  it('for an operator', async () => {
    const { manager, why } = await watched();
    await manager.renewNow('crm');
    assert.deepEqual(why[1], ['operator', undefined]);
  });
});
