import assert from 'node:assert/strict';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

describe('tokenward demo --play', function () {
  this.timeout(60_000);

  it('makes tokens die and heal, a login budget burn, a token endpoint and an upstream fail', async function () {
    requireBuild(this);
    const { code, stdout } = await run(['demo', '--play', '--once', '--pause', '0.6']);
    assert.equal(code, 0, stdout);
    // What the token endpoints saw, by the sandbox's ledger; and what clients got.
    const scenes = [...stdout.matchAll(/^ {2}seen by +(.*)\n {2}clients +(.*)$/gm)].map(([, seen, clients]) => ({
      seen: seen!,
      clients: clients!,
    }));
    const [dies, hidden, burns, endpoint, upstream, ...more] = scenes;
    assert.deepEqual(more, []);
    for (const scene of [dies, hidden]) {
      assert.equal(scene!.seen, 'token endpoint: refreshed 1×');
      assert.match(scene!.clients, /\/crm 200 \d+×, /);
    }
    assert.match(burns!.seen, /^token endpoint: logged in 5×/);
    assert.doesNotMatch(burns!.clients, /[45]\d\d \d+×/);
    assert.match(endpoint!.seen, /refused or failed \d×; tokenward renew twin: renewed$/);
    assert.match(endpoint!.clients, /\/softline 200 \d+×, \/twin [^,]*\b50[23] \d+×/);
    assert.equal(upstream!.seen, 'token endpoint: not called');
    assert.match(upstream!.clients, /\/softline [^,]*\b503 \d+×/);
  });

  it('refuses a pause that is none', async function () {
    requireBuild(this);
    const { code, stderr } = await run(['demo', '--pause', 'long']);
    assert.equal(code, 2);
    assert.match(stderr, /--pause must be 0 to 3600 seconds/);
  });
});
