import assert from 'node:assert/strict';
import { freshOauthWorld } from './world.ts';

describe('a hundred calls in flight on a dead token of a real authorization server', () => {
  const world = freshOauthWorld();

  it('cost one refresh; each gets its answer, and no family is revoked', async () => {
    const { server, call } = world();
    assert.equal((await call()).status, 200);
    await server.endAccessTokens();
    const answers = await Promise.all(Array.from({ length: 100 }, call));
    assert.equal(answers.filter(({ status }) => status === 200).length, 100);
    assert.deepEqual(server.spendings, [
      { token: 0, outcome: 'granted' },
      { token: 1, outcome: 'granted' },
    ]);
    assert.equal(server.revoked, 0);
  });
});
