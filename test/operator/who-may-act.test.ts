import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyDigest } from '../../src/proxy/caller.ts';
import { FakeClock } from '../support/clock.ts';
import { freshFolder } from '../support/files.ts';
import { operator } from '../support/operator.ts';
import type { ProxyOptions } from '../support/proxy.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { freshWorld, tokenCalls, type World } from '../support/world.ts';

interface Coded {
  readonly code?: string;
}

const KEY = 'oPerators-kEy-91c7e2a4';
const section = (more: object): ProxyOptions => ({
  config: (base) => ({ ...base, operator: { host: '127.0.0.1', port: 0, ...more } }),
});
const renew = async (
  { proxy }: World,
  headers: Record<string, string> = {},
  target = '/renew/softline',
): Promise<[number, string | undefined]> => {
  const { status, body } = (await operator(proxy).post(target).set(headers)) as { status: number; body: Coded };
  return [status, body.code];
};

describe('operator.key', () => {
  const world = freshWorld(section({ key: keyDigest(KEY) }));
  const folder = freshFolder();

  it('is demanded of whoever acts, and not of whoever looks', async () => {
    assert.deepEqual(await renew(world()), [401, 'operator_key_missing']);
    assert.deepEqual(await renew(world(), { 'x-tokenward-key': `${KEY}x` }), [403, 'operator_key_wrong']);
    assert.deepEqual(await renew(world(), { authorization: 'Bearer ' }), [401, 'operator_key_missing']);
    assert.equal(tokenCalls(world().sandbox, 'softline'), 0);
    for (const target of ['/', '/status', '/metrics', '/readyz', '/healthz']) {
      await operator(world().proxy).get(target).expect(200);
    }
    assert.deepEqual(await renew(world(), { 'x-tokenward-key': KEY }), [200, undefined]);
    assert.deepEqual(await renew(world(), { authorization: `Bearer ${KEY}` }, '/renew/crm'), [200, undefined]);
  });

  it('does not help a page of another site', async () => {
    assert.deepEqual(await renew(world(), { 'x-tokenward-key': KEY, origin: 'https://evil.example' }), [
      403,
      'cross_site',
    ]);
  });

  it('comes from a file or the environment on the command line', async function () {
    requireBuild(this);
    const args = (account: string): string[] => ['renew', account, '--operator', world().proxy.operatorUrl];
    const without = await run(args('softline'));
    assert.equal(without.code, 1);
    assert.match(without.stderr, /\(operator_key_missing\)/);
    const file = join(folder(), 'operator.key');
    writeFileSync(file, `${KEY}\n`);
    assert.equal((await run([...args('softline'), '--operator-key-file', file])).code, 0);
    assert.equal((await run(args('crm'), { env: { TOKENWARD_OPERATOR_KEY: KEY } })).code, 0);
    assert.equal((await run([...args('crm'), '--operator-key-file', join(folder(), 'nowhere')])).code, 2);
  });
});

describe('an operator port that others can reach', () => {
  const world = freshWorld(section({ host: '0.0.0.0', allowAnonymous: true }));

  it('spends no reserve without a key', async () => {
    assert.deepEqual(await renew(world(), {}, '/renew/softline?reserve=true'), [403, 'operator_key_missing']);
    assert.deepEqual(await renew(world()), [200, undefined]);
  });
});

describe('the operator port and its names', () => {
  const world = freshWorld(section({ hosts: ['ops.internal'] }));

  it('shows nothing under a name that another site may have pointed here', async () => {
    const { proxy } = world();
    for (const target of ['/', '/status', '/metrics', '/readyz', '/nothing']) {
      const refused = await operator(proxy).get(target).set('Host', 'evil.example:9090');
      assert.deepEqual([refused.status, (refused.body as Coded).code], [403, 'host_refused'], target);
      for (const host of ['10.1.2.3:9090', '[::1]:9090', 'localhost:9090', 'OPS.internal', 'ops.internal:9090']) {
        const { status } = await operator(proxy).get(target).set('Host', host);
        assert.equal(status, target === '/nothing' ? 404 : 200, `${target} ${host}`);
      }
    }
    await operator(proxy).get('/healthz').set('Host', 'whatever').expect(200);
    assert.deepEqual(await renew(world(), { host: 'evil.example' }), [403, 'host_refused']);
    assert.deepEqual(await renew(world(), { host: 'ops.internal', origin: 'https://ops.internal' }), [200, undefined]);
  });
});

describe('renewals by hand', () => {
  const clock = new FakeClock();
  const world = freshWorld({ surroundings: { clock } });

  it('are made once per account and 10 s', async () => {
    const { proxy, sandbox } = world();
    assert.deepEqual(await renew(world()), [200, undefined]);
    const answers = await Promise.all([
      renew(world()),
      renew(world(), {}, '/renew/softline?reserve=true'),
      renew(world(), {}, '/renew/softline?login=true'),
    ]);
    assert.deepEqual(answers, [
      [429, 'renewed_just_now'],
      [429, 'renewed_just_now'],
      [429, 'renewed_just_now'],
    ]);
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
    assert.deepEqual(await renew(world(), {}, '/renew/crm'), [200, undefined]);
    clock.pass(9_000);
    await operator(proxy).post('/renew/softline').expect(429).expect('retry-after', '1');
    clock.pass(1_000);
    assert.deepEqual(await renew(world()), [200, undefined]);
  });

  it('count also when they fail, since a refused login is a login', async () => {
    const { sandbox } = world();
    sandbox.softline.accounts.length = 0;
    assert.deepEqual(await renew(world()), [503, 'credential_dead']);
    assert.deepEqual(await renew(world()), [429, 'renewed_just_now']);
    assert.deepEqual(await renew(world(), {}, '/renew/nobody'), [404, 'account_unknown']);
    assert.deepEqual(await renew(world(), {}, '/renew/nobody'), [404, 'account_unknown']);
  });
});
