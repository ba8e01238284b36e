import assert from 'node:assert/strict';
import type { Token } from '../../src/tokens/token.ts';
import { FakeClock } from '../support/clock.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';

const IDLE = 60_000;

describe('a session that ends when nobody uses it', () => {
  async function start() {
    const clock = new FakeClock();
    const credential = fakeCredential({ idle: IDLE, canRefresh: false }, granted(), granted(), granted());
    const { manager } = await managed(credential, { clock });
    const get = async (): Promise<Token> => manager.get(credential.account);
    return { clock, credential, get };
  }

  it('lasts as long as it is used', async () => {
    const { clock, get } = await start();
    const { generation } = await get();
    for (let minutes = 0; minutes < 60; minutes += 1) {
      clock.pass(IDLE - 1_000);
      assert.equal((await get()).generation, generation);
    }
  });

  it('is renewed before a request that comes too late for it, once for all that come', async () => {
    const { clock, get } = await start();
    const { generation } = await get();
    clock.pass(IDLE);
    const tokens = await Promise.all([get(), get(), get()]);
    assert.deepEqual(
      tokens.map((token) => token.generation),
      Array.from({ length: 3 }, () => generation + 1),
    );
  });
});
