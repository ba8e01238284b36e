import assert from 'node:assert/strict';
import { createObserver } from '../../src/app/token-observer.ts';
import { Metrics } from '../../src/metrics.ts';
import type { TokenManager } from '../../src/tokens/manager.ts';
import { FakeClock } from '../support/clock.ts';
import { failed, fakeCredential, granted, managed, refused, type FakeCredential } from '../support/credential.ts';
import { recorder } from '../support/proxy.ts';

/** A manager whose observer writes a log and metrics, as in the program. */
async function logged(credential: FakeCredential) {
  const lines: string[] = [];
  const clock = new FakeClock();
  const current: { manager?: TokenManager } = {};
  const observer = createObserver({
    metrics: new Metrics('x'),
    log: recorder(lines),
    clock,
    declared: [credential],
    statusOf: (account) => current.manager?.statusOf(account),
  });
  const world = await managed(credential, { observer, clock });
  current.manager = world.manager;
  const levels = (): string[] =>
    lines
      .map((line) => JSON.parse(line) as { level: string; message: string })
      .filter(({ level }) => level === 'warn' || level === 'error')
      .map(({ level, message }) => `${level} ${message}`);
  return { ...world, levels };
}

describe('a token that an upstream has rejected', () => {
  it('is no trouble while it is renewed, and when that helps: no warning, and the account is being renewed', async () => {
    const { manager, levels } = await logged(fakeCredential({}, granted(), granted()));
    const first = await manager.get('crm');
    const renewal = Promise.resolve(manager.renew('crm', first, '/crm'));
    assert.equal(manager.statusOf('crm')?.state, 'renewing');
    assert.equal((await renewal).generation, 2);
    assert.equal(manager.statusOf('crm')?.state, 'working');
    assert.deepEqual(levels(), []);
  });

  it('is trouble once its renewal has failed, and once a renewal has not helped', async () => {
    const unreachable = failed({ reason: 'connect' });
    const failing = await logged(fakeCredential({ canRefresh: false }, granted(), unreachable, unreachable));
    const first = await failing.manager.get('crm');
    await assert.rejects(async () => failing.manager.renew('crm', first, '/crm'));
    assert.equal(failing.manager.statusOf('crm')?.state, 'down');
    assert.ok(failing.levels().some((line) => line.startsWith('error account crm is down: ')));

    const useless = await logged(fakeCredential({}, granted(), granted()));
    const second = await useless.manager.renew('crm', await useless.manager.get('crm'), '/crm');
    useless.manager.rejected('crm', second);
    assert.match(useless.manager.statusOf('crm')?.problem ?? '', /a renewal did not help/);
    assert.ok(useless.levels().some((line) => line.startsWith('error account crm is down: ')));

    const dead = await logged(fakeCredential({ canRefresh: false }, granted(), refused, refused, refused));
    const last = await dead.manager.get('crm');
    dead.clock.pass(7_200_000);
    await assert.rejects(async () => dead.manager.renew('crm', last, '/crm'));
    assert.ok(
      dead.levels().some((line) => line.startsWith('error account crm is dead: ')),
      String(dead.levels()),
    );
  });
});
