import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { freshOauthWorld } from './world.ts';

describe('an account that is dead because its refresh token was refused', () => {
  const world = freshOauthWorld();

  it('serves again from the next call after a new one is imported; the process goes on running', async () => {
    const { server, bring, call } = world();
    assert.equal((await call()).status, 200);
    await server.endAccessTokens();
    server.cutNext = 'after it is carried out';
    await eventually(
      'the account is dead',
      async () => (await call()).headers['x-tokenward-error'] === 'credential_dead',
    );
    const before = server.spendings.length;
    const fresh = await server.consent();
    assert.match(await bring(fresh), /^api: refresh token imported, generation \d+; the next request spends it$/);
    assert.equal((await call()).status, 200);
    assert.deepEqual(
      server.spendings.slice(before).map(({ outcome }) => outcome),
      ['granted'],
    );
  });
});
