import assert from 'node:assert/strict';
import { Token } from '../../src/tokens/token.ts';
import { fakeCredential, managed } from '../support/credential.ts';

describe('a token that is rejected before the renewal that brought it has ended', () => {
  it('is not given to the request that met the rejection: that one gets the next', async () => {
    const credential = fakeCredential();
    let first: Token | Promise<Token> | undefined;
    let next: Token | Promise<Token> | undefined;
    const { manager } = await managed(credential, {
      checkpoint: (point) => {
        if (point !== 'P8 token published' || first !== undefined) return;
        first = manager.get('crm');
        assert.ok(first instanceof Token);
        next = manager.renew('crm', first);
      },
    });
    await manager.get('crm');
    assert.equal((await first)?.generation, 1);
    assert.equal((await next)?.generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });
});
