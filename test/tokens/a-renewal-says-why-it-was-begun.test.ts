import assert from 'node:assert/strict';
import type { RenewalReport } from '../../src/tokens/observer.ts';
import { fakeCredential, managed } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';

const ignore = (): void => undefined;

/** An account, and why each of its renewals was begun. */
async function watched() {
  const why: (string | undefined)[][] = [];
  const observer = {
    renewed: (_: unknown, { cause }: RenewalReport) => void why.push([cause.why, cause.by]),
    suppressed: ignore,
    changed: ignore,
    storeFailed: ignore,
  };
  const { manager, clock } = await managed(fakeCredential({ renew: 'early' }), { observer });
  const token = await manager.get('crm');
  return { manager, clock, token, why };
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

  it('for an operator', async () => {
    const { manager, why } = await watched();
    await manager.renewNow('crm');
    assert.deepEqual(why[1], ['operator', undefined]);
  });
});
