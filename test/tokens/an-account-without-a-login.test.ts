import assert from 'node:assert/strict';
import type { TokenwardError } from '../../src/errors.ts';
import { EMPTY_RECORD } from '../../src/tokens/records.ts';
import { Token } from '../../src/tokens/token.ts';
import {
  failed,
  granted,
  managed,
  fakeCredential,
  refused,
  type Managed,
  type FakeCredential,
} from '../support/credential.ts';

const isDead = (error: TokenwardError): boolean =>
  error.code === 'credential_dead' && /tokenward import crm/.test(error.detail ?? '');
const lost = failed({ reason: 'reset', maybeSpent: true });

/** An account that knows no login and whose refresh token `r0` was imported. */
async function imported(
  ...answers: Parameters<typeof fakeCredential>[1][]
): Promise<Managed & { credential: FakeCredential }> {
  const credential = fakeCredential({ canLogin: false }, ...answers);
  const world = await managed(credential);
  await bring(world, 'r0');
  return { ...world, credential };
}

async function bring({ records, clock }: Managed, refresh: string): Promise<void> {
  const now = clock.wall();
  const before = await records.read('crm');
  const generation = before.generation + 1;
  const token = new Token(
    { generation, obtainedAt: now, expiresAt: now, refreshExpiresAt: undefined, deadline: 0 },
    '',
    refresh,
  );
  await records.replace('crm', { ...EMPTY_RECORD, revision: before.revision, generation, identity: 'who', token });
}

describe('an account whose flow has a refresh and no login', () => {
  it('spends the imported refresh token at its first call, and its successors after that', async () => {
    const { manager, credential } = await imported(granted({ refreshSecret: 'r1' }));
    const first = await manager.get('crm');
    await manager.renew('crm', first);
    assert.deepEqual(
      [credential.calls, credential.spent],
      [
        ['refresh', 'refresh'],
        ['r0', 'r1'],
      ],
    );
  });

  it('after a refresh that was cut spends the current token once more, never an older one', async () => {
    const { manager, credential } = await imported(granted({ refreshSecret: 'r1' }), lost);
    const first = await manager.get('crm');
    assert.equal((await manager.renew('crm', first)).generation, 3);
    assert.deepEqual(credential.spent, ['r0', 'r1', 'r1']);
  });

  it('is dead if that is cut as well or refused, and says how to bring a new one', async () => {
    for (const second of [lost, refused]) {
      const { manager, clock, credential } = await imported(granted({ refreshSecret: 'r1' }), lost, second);
      const first = await manager.get('crm');
      await assert.rejects(async () => {
        await Promise.resolve(manager.renew('crm', first)).catch(() => undefined);
        clock.pass(60_000);
        await manager.renew('crm', first);
      }, isDead);
      assert.deepEqual(credential.spent, ['r0', 'r1', 'r1']);
      assert.equal(manager.status()[0]?.state, 'dead');
    }
  });

  it('comes back to life when a new one is imported, while the process runs', async () => {
    const world = await imported(refused);
    await assert.rejects(async () => world.manager.get('crm'), isDead);
    await bring(world, 'r9');
    assert.equal((await world.manager.get('crm')).generation, 3);
    assert.deepEqual(world.credential.spent, ['r0', 'r9']);
    assert.equal(world.manager.status()[0]?.state, 'working');
  });

  it('without an imported token is dead from the start, and nobody is called', async () => {
    const credential = fakeCredential({ canLogin: false });
    const { manager } = await managed(credential);
    assert.deepEqual([manager.status()[0]?.state, manager.status()[0]?.dead], ['dead', true]);
    await assert.rejects(async () => manager.get('crm'), isDead);
    assert.deepEqual(credential.calls, []);
  });

  it('an outage of its endpoint costs nothing: the token is kept', async () => {
    const out = failed({ reason: 'status_5xx' });
    const { manager, clock, credential } = await imported(...Array.from({ length: 12 }, () => out));
    for (let i = 0; i < 11; i += 1) {
      await assert.rejects(
        async () => manager.get('crm'),
        (error: TokenwardError) => error.code === 'token_unavailable',
      );
      clock.pass(20_000);
    }
    assert.equal((await manager.get('crm')).generation, 2);
    assert.ok(credential.spent.every((spent) => spent === 'r0'));
  });
});
