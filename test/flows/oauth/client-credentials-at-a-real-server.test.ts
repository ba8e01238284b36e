import assert from 'node:assert/strict';
import { login, newCaller, shown } from './caller.ts';
import { freshProvider, SECRET_CREDENTIALS, secretClient } from './provider.ts';

describe('client credentials at a real authorization server', () => {
  for (const [method, clientAuth] of [
    ['client_secret_basic', 'basic'],
    ['client_secret_post', 'post'],
    ['client_secret_jwt', 'client_secret_jwt'],
  ] as const) {
    describe(`by ${method}`, () => {
      const provider = freshProvider({ clients: [secretClient(method)] });

      it('bring a token, with the endpoint from the metadata', async () => {
        const { issuer, outcomes } = provider();
        const result = await login({ issuer, clientAuth, scope: 'api' }, SECRET_CREDENTIALS);
        assert.equal(shown(result), 'granted');
        assert.deepEqual(provider().outcomes, ['granted']);
        assert.equal(outcomes.length, 0);
      });

      it('bring a token at a configured endpoint, which hears who it is meant for', async () => {
        const { issuer } = provider();
        const caller = newCaller();
        for (let i = 0; i < 2; i += 1)
          assert.equal(
            shown(await login({ tokenUrl: `${issuer}/token`, clientAuth }, SECRET_CREDENTIALS, caller)),
            'granted',
          );
        assert.deepEqual(provider().seen, ['POST /token', 'POST /token']);
      });
    });
  }
});
