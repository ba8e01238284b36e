import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { count, freshReplicas, generation, read } from './world.ts';

describe('a new generation', () => {
  const replicas = freshReplicas();

  it('is adopted by the other replica at once, without a request there and without a call', async () => {
    const { a, b, sandbox } = replicas();
    assert.equal((await read(a)).status, 200);
    await eventually('the first one is adopted', () => generation(b) === 1, 2_000);
    for (let next = 2; next <= 6; next += 1) {
      await a.app.tokens.renewNow('crm');
      const published = performance.now();
      await eventually('it is adopted', () => generation(b) === next, 2_000);
      assert.ok(performance.now() - published < 250, `only after ${performance.now() - published} ms`);
    }
    assert.equal((await read(b)).status, 200);
    assert.equal(sandbox.ledger.last({ vendor: 'chatapp', kind: 'api' })?.tokenId, 'chatapp#6');
    assert.deepEqual([count(sandbox, 'login'), count(sandbox, 'refresh')], [1, 5]);
  });
});
