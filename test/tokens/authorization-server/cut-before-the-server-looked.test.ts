import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { freshOauthWorld } from './world.ts';

describe('a refresh that was cut before the authorization server looked at it', () => {
  const world = freshOauthWorld();

  it('is made once more with the same, current refresh token, and no family is revoked', async () => {
    const { server, call } = world();
    assert.equal((await call()).status, 200);
    await server.endAccessTokens();
    server.cutNext = 'before it is looked at';
    await eventually('the account serves again', async () => (await call()).status === 200);
    assert.equal(server.cuts, 1);
    assert.deepEqual(server.spendings, [
      { token: 0, outcome: 'granted' },
      { token: 1, outcome: 'granted' },
    ]);
    assert.equal(server.revoked, 0);
    // And it goes on as if nothing had happened.
    await server.endAccessTokens();
    assert.equal((await call()).status, 200);
    assert.deepEqual(server.spendings.at(-1), { token: 2, outcome: 'granted' });
  });

  it('never brings back an older refresh token, however often it is cut', async () => {
    const { server, call } = world();
    assert.equal((await call()).status, 200);
    await server.endAccessTokens();
    assert.equal((await call()).status, 200);
    await server.endAccessTokens();
    server.cutNext = 'before it is looked at';
    await call();
    server.cutNext = 'before it is looked at';
    for (let i = 0; i < 20; i += 1) await call();
    assert.deepEqual(
      server.spendings.map(({ token }) => token).filter((token) => token !== 2),
      [0, 1],
    );
    assert.equal(server.revoked, 0);
  });
});
