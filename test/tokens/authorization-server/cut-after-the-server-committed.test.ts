import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { freshOauthWorld } from './world.ts';

describe('a refresh whose answer was cut off after the authorization server had carried it out', () => {
  const world = freshOauthWorld();

  it('costs the family, which nobody can help; the account then says how to bring a new token, and asks no more', async () => {
    const { server, call } = world();
    assert.equal((await call()).status, 200);
    await server.endAccessTokens();
    server.cutNext = 'after it is carried out';
    await eventually(
      'the account is dead',
      async () => (await call()).headers['x-tokenward-error'] === 'credential_dead',
    );
    for (let i = 0; i < 10; i += 1) {
      const answer = await call();
      assert.deepEqual(
        [answer.status, answer.headers['x-tokenward-error'], answer.headers['retry-after']],
        [503, 'credential_dead', undefined],
      );
      assert.match(answer.text, /tokenward import api/);
    }
    // The current one twice, never the first one again.
    assert.deepEqual(server.spendings, [
      { token: 0, outcome: 'granted' },
      { token: 1, outcome: 'granted' },
      { token: 1, outcome: 'refresh token already used' },
    ]);
    assert.equal(server.revoked, 1);
  });
});
