import assert from 'node:assert/strict';
import { freshOauthWorld } from './world.ts';

describe('an imported refresh token at a real authorization server', () => {
  const world = freshOauthWorld();

  it('is spent at the first call, and each successor once when the access token has died', async () => {
    const { server, call } = world();
    for (let renewal = 0; renewal < 4; renewal += 1) {
      assert.equal((await call()).status, 200);
      assert.equal((await call()).status, 200);
      await server.endAccessTokens();
    }
    assert.deepEqual(
      server.spendings,
      [0, 1, 2, 3].map((token) => ({ token, outcome: 'granted' })),
    );
    assert.equal(server.revoked, 0);
  });
});

describe('an account whose first refresh token has not been imported yet', () => {
  const world = freshOauthWorld({ imported: false });

  it('says how to bring one, asks nobody, and sends no empty token', async () => {
    const { server, call } = world();
    const answer = await call();
    assert.deepEqual([answer.status, answer.headers['x-tokenward-error']], [503, 'credential_dead']);
    assert.match(answer.text, /tokenward import api/);
    assert.deepEqual([server.spendings, server.apiStatuses], [[], []]);
  });

  it('serves from the first call after the import on, without a restart', async () => {
    const { server, bring, call } = world();
    assert.equal((await call()).status, 503);
    assert.equal(
      await bring(await server.consent()),
      'api: refresh token imported, generation 1; the next request spends it',
    );
    assert.equal((await call()).status, 200);
  });
});
