import assert from 'node:assert/strict';
import { FLIGHT_MS } from '../../src/deadlines.ts';
import { TokenwardError } from '../../src/errors.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import { fakeCredential, granted } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { listening, renewElsewhere } from './announced.ts';

const never = (): Promise<Outcome> => new Promise(() => undefined);
const tooLong = (error: unknown): boolean =>
  error instanceof TokenwardError && error.code === 'token_unavailable' && error.retryAfter === 5;

/** A refresh that never ends, of a token that lives for a day, and a request that waits for it. */
async function stuck() {
  const credential = fakeCredential({}, granted({ lifetime: 86_400 }), never);
  const world = await listening(credential);
  const { manager, time } = world;
  const first = await manager.get('crm');
  await settled();
  const asked = Promise.resolve(manager.renew('crm', first));
  asked.catch(() => undefined);
  await settled();
  const renewed = async (lifetime: number): Promise<void> =>
    renewElsewhere(world, fakeCredential({}, granted({ secret: 'of another process', lifetime })));
  return { time, manager, asked, renewElsewhere: renewed };
}

describe('a renewal that takes too long', () => {
  it('is not waited for any longer, and the error says when to ask again', async () => {
    const { time, asked, manager } = await stuck();
    await time.advance(FLIGHT_MS - 1);
    assert.equal(manager.status()[0]?.waiting, 1);
    await time.advance(1);
    await assert.rejects(asked, tooLong);
    assert.equal(manager.status()[0]?.waiting, 0);
  });

  it('costs nobody anything if another process has told of its token meanwhile', async () => {
    const { time, asked, renewElsewhere } = await stuck();
    await renewElsewhere(3_600);
    await time.advance(FLIGHT_MS);
    assert.equal((await asked).reveal(), 'of another process');
  });

  it('fails if the token that another process told of has ended by then', async () => {
    const { time, asked, renewElsewhere } = await stuck();
    await renewElsewhere(30);
    await time.advance(FLIGHT_MS);
    await assert.rejects(asked, tooLong);
  });

  it('fails if the token that another process told of was rejected by then', async () => {
    const { time, asked, renewElsewhere, manager } = await stuck();
    await renewElsewhere(3_600);
    const theirs = await manager.get('crm');
    assert.equal(theirs.reveal(), 'of another process');
    const rejecting = Promise.resolve(manager.renew('crm', theirs));
    rejecting.catch(() => undefined);
    await time.advance(FLIGHT_MS);
    await assert.rejects(asked, tooLong);
    await assert.rejects(rejecting, tooLong);
  });
});
