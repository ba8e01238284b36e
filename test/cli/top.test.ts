import assert from 'node:assert/strict';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { freshWorld } from '../support/world.ts';

describe('tokenward top', () => {
  const world = freshWorld();

  it('prints one table of routes and accounts where there is no terminal', async function () {
    requireBuild(this);
    const { call, proxy } = world();
    await call('/crm/v1/licenses');
    await call('/crm/v1/licenses');
    const { code, stdout, stderr } = await run(['top', '--operator', proxy.operatorUrl]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^tokenward \S+, 3 accounts\n\nROUTE +UPSTREAM +ACCOUNT +REQUESTS +PER SECOND +IN FLIGHT\n/);
    assert.match(stdout, /^\/crm +http:\S+ +crm +2 +- +0$/m);
    assert.match(stdout, /^crm +chatapp +working +1 /m);
  });
});
