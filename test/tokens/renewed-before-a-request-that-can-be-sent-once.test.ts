import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import { failed, fakeCredential, granted, managed, refused, type FakeCredential } from '../support/credential.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

const isUnavailable = (error: unknown): boolean =>
  error instanceof TokenwardError && error.code === 'token_unavailable';
const never = (): Promise<Outcome> => new Promise(() => undefined);

/** A token in the last part of its life, and what a refresh of it comes to. */
async function lastPart(...answers: Parameters<typeof fakeCredential>[1][]) {
  const time = new VirtualTime();
  const credential: FakeCredential = fakeCredential({}, granted(), ...answers);
  const { manager } = await managed(credential, time);
  const token = await manager.get('crm');
  await settled();
  await time.advance(3_600_000 - 299_000);
  return { time, credential, manager, token };
}

describe('before a request that can be sent only once', () => {
  it('a token in the last part of its life is renewed, and not before any other request', async () => {
    const { credential, manager, token } = await lastPart();
    assert.equal(await manager.get('crm'), token);
    assert.deepEqual(credential.calls, ['login']);
    assert.equal((await manager.getLasting('crm')).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('a token with more life than that is not', async () => {
    const credential = fakeCredential();
    const { manager, clock } = await managed(credential);
    const token = await manager.get('crm');
    clock.pass(3_600_000 - 300_000);
    assert.equal(manager.getLasting('crm'), token);
    assert.deepEqual(credential.calls, ['login']);
  });

  it('the first token is obtained as before any other', async () => {
    const { manager } = await managed(fakeCredential());
    assert.equal((await manager.getLasting('crm')).generation, 1);
  });

  it('the token serves all the same if no newer one is to be had', async () => {
    const { manager, token, time } = await lastPart(failed({ reason: 'timeout' }));
    const asked = manager.getLasting('crm');
    await time.advance(0);
    assert.equal(await asked, token);
  });

  it('a token serves no more that was rejected while its renewal lasted too long', async () => {
    const { manager, token, time } = await lastPart(never);
    const asked = Promise.resolve(manager.getLasting('crm'));
    const failedAsIs = assert.rejects(asked, isUnavailable);
    await settled();
    const rejecting = assert.rejects(Promise.resolve(manager.renew('crm', token)), isUnavailable);
    await time.advance(120_000);
    await Promise.all([failedAsIs, rejecting]);
  });

  it('a token serves no more that has ended meanwhile', async () => {
    const { manager, time } = await lastPart(async () => {
      time.clock.pass(300_000);
      return refused;
    }, refused);
    await assert.rejects(Promise.resolve(manager.getLasting('crm')), TokenwardError);
  });
});
