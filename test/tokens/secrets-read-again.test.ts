import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import type { Credential } from '../../src/tokens/credential.ts';
import { granted, managed, fakeCredential, refused, type FakeCredential } from '../support/credential.ts';
import { observing } from '../support/observer.ts';

const isDead = (error: unknown): boolean => error instanceof TokenwardError && error.code === 'credential_dead';
const isUnavailable = (error: unknown): boolean =>
  error instanceof TokenwardError && error.code === 'token_unavailable';

/** A fake credential whose files change as the test says; `looks` counts how often they were read. */
function withFiles(
  change: Partial<Credential>,
  ...answers: Parameters<typeof fakeCredential>[1][]
): FakeCredential & { written: string; looks: number } {
  let used = 'first';
  const credential = { ...fakeCredential(change, ...answers), written: 'first', looks: 0 };
  Object.defineProperty(credential, 'credentialsFingerprint', { get: () => used });
  return Object.assign(credential, {
    reread: async () => {
      credential.looks += 1;
      const changed = credential.written !== used;
      used = credential.written;
      return changed;
    },
  });
}

describe('credentials whose files may have changed', () => {
  it('are read again once for a login that is refused', async () => {
    const credential = withFiles({}, refused, refused);
    const { manager } = await managed(credential);
    credential.written = 'second';
    await assert.rejects(async () => manager.get('crm'), isDead);
    assert.deepEqual([credential.calls.length, credential.looks], [2, 1]);
  });

  it('leave no trace of the first refusal in the record: who restarts in between starts afresh', async () => {
    const credential = withFiles({}, refused, granted());
    const world = await managed(credential);
    credential.written = 'second';
    await world.manager.get('crm');
    const record = await world.records.read('crm');
    assert.deepEqual([record.dead, record.doubt, record.intent], [undefined, undefined, undefined]);
  });

  it('that are dead are looked at when somebody asks, every half minute at most', async () => {
    const credential = withFiles({}, refused);
    const { manager, clock } = await managed(credential);
    await assert.rejects(async () => manager.get('crm'), isDead);
    const before = credential.looks;
    for (let second = 0; second < 300; second += 1) {
      await assert.rejects(async () => manager.get('crm'), isDead);
      clock.pass(1_000);
    }
    assert.equal(credential.looks - before, 10);
    assert.deepEqual(credential.calls, ['login']);
  });

  it('that are dead are looked at again after 30 s, and the observer is told of a change only', async () => {
    const credential = withFiles({}, refused);
    const told: string[] = [];
    const observer = observing({ secretChanged: ({ account }) => void told.push(account) });
    const { manager, clock } = await managed(credential, { observer });
    await assert.rejects(async () => manager.get('crm'), isDead);
    await assert.rejects(async () => manager.get('crm'), isDead);
    credential.written = 'second';
    clock.pass(29_999);
    await assert.rejects(async () => manager.get('crm'), isDead);
    assert.deepEqual(told, []);
    clock.pass(1);
    assert.equal((await manager.get('crm')).generation, 1);
    assert.deepEqual(told, ['crm']);
  });

  it('that worked lately and are doubted do not wait for the second look', async () => {
    const credential = withFiles({ canRefresh: false }, granted(), refused, granted());
    const { manager } = await managed(credential);
    await assert.rejects(async () => manager.renew('crm', await manager.get('crm')), isUnavailable);
    credential.written = 'second';
    assert.equal((await manager.renew('crm', await manager.get('crm'))).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'login', 'login']);
  });

  it('that another process found wrong are read before they are tried here', async () => {
    const first = withFiles({}, refused);
    const world = await managed(first);
    await assert.rejects(async () => world.manager.get('crm'), isDead);
    // The other process has read the new file, and that was wrong as well.
    const others = withFiles({}, refused);
    const other = await world.restart(others);
    others.written = 'second';
    await assert.rejects(async () => other.manager.get('crm'), isDead);
    first.written = 'second';
    await assert.rejects(async () => world.manager.get('crm'), isDead);
    assert.deepEqual([first.calls, others.calls], [['login'], ['login']]);
  });

  it('of an account without a login are tried with the same refresh token', async () => {
    const credential = withFiles({ canLogin: false }, refused, granted());
    const world = await managed(credential);
    const { importToken } = await import('../../src/tokens/import.ts');
    await importToken(
      world.store,
      world.records,
      credential,
      { refreshSecret: 'imported', secret: undefined, expiresAt: undefined },
      { owner: 'importer', clock: world.clock },
    );
    credential.written = 'second';
    await world.manager.get('crm');
    assert.deepEqual(credential.spent, ['imported', 'imported']);
  });

  it('are used for the login after a refresh that was refused', async () => {
    const credential = withFiles({}, granted(), refused, granted());
    const { manager } = await managed(credential);
    const token = await manager.get('crm');
    credential.written = 'second';
    await manager.renew('crm', token);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
  });
});
