import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { both, freshWorld, ownCode, tokenCalls, withAccount } from '../support/world.ts';
import { reload } from './reload.ts';

const READ = '/softline/v1/order/77';

describe('the accounts after a reload', () => {
  const world = freshWorld();
  const kinds = (): string[] =>
    world()
      .sandbox.ledger.entries({ vendor: 'softline', where: ({ kind }) => kind !== 'api' })
      .map(({ kind, outcome }) => `${kind} ${outcome}`);

  it('keep their tokens: a hundred reloads make no token request', async () => {
    const { sandbox, call } = world();
    const reads = [READ, '/crm/v1/licenses', '/twin/iam/api/v1/users/me'];
    for (const read of reads) assert.equal((await call(read)).status, 200);
    sandbox.ledger.clear();
    for (let round = 0; round < 100; round += 1) await reload(world());
    for (const read of reads) assert.equal((await call(read)).status, 200);
    assert.equal(sandbox.ledger.count({ where: ({ kind }) => kind !== 'api' }), 0);
  });

  it('a dead account works again with the right password, for one login', async () => {
    const { sandbox, call } = world();
    const { username, password } = sandbox.credentials.softline;
    await reload(world(), withAccount('softline', { credentials: { username, password: 'wrong' } }));
    assert.equal(ownCode(await call(READ)), 'credential_dead');
    const refused = kinds().length;
    assert.equal(ownCode(await call(READ)), 'credential_dead');
    assert.equal(kinds().length, refused);
    await reload(world(), withAccount('softline', { credentials: { username, password } }));
    assert.equal((await call(READ)).status, 200);
    assert.deepEqual(kinds().slice(refused), ['login ok']);
  });

  it('a renewal that is under way is made once, whatever is reloaded meanwhile', async () => {
    const { sandbox, call } = world();
    sandbox.softline.set({ loginDelayMs: 600 });
    const waiting = Array.from({ length: 20 }, () => call(READ));
    await eventually('the login has arrived', () => tokenCalls(sandbox, 'softline') === 1);
    for (let round = 0; round < 10; round += 1) await reload(world());
    const later = Array.from({ length: 20 }, () => call(READ));
    for (const { status } of await Promise.all([...waiting, ...later])) assert.equal(status, 200);
    assert.deepEqual(kinds(), ['login ok']);
  });

  it('a wrong password that is corrected while it is being refused fails nobody who comes later', async () => {
    const { sandbox, call } = world();
    const { username, password } = sandbox.credentials.softline;
    await reload(world(), withAccount('softline', { credentials: { username, password: 'wrong' } }));
    sandbox.softline.set({ loginDelayMs: 400 });
    const early = call(READ);
    await eventually('the login has arrived', () => tokenCalls(sandbox, 'softline') === 1);
    await reload(world(), withAccount('softline', { credentials: { username, password } }));
    assert.equal((await call(READ)).status, 200);
    assert.equal((await early).status, 200);
    assert.equal(kinds().at(-1), 'login ok');
  });

  it('an account that is removed while it is renewed, and comes back, is not renewed twice at once', async () => {
    const { sandbox, call } = world();
    sandbox.softline.set({ loginDelayMs: 500 });
    const early = call(READ);
    await eventually('the login has arrived', () => tokenCalls(sandbox, 'softline') === 1);
    await reload(world(), (base) => {
      const { softline: _, ...accounts } = base['accounts'] as Record<string, unknown>;
      const routes = (base['routes'] as { prefix: string }[]).filter(({ prefix }) => prefix !== '/softline');
      return { ...base, accounts, routes };
    });
    assert.equal((await call(READ)).status, 404);
    await reload(world());
    const late = call(READ);
    assert.equal((await early).status, 200);
    assert.equal((await late).status, 200);
    assert.deepEqual(kinds(), ['login ok']);
  });

  it('a new account has its counters at 0, and one with another budget keeps its token', async () => {
    const { sandbox, call, proxy } = world();
    assert.equal((await call(READ)).status, 200);
    await reload(
      world(),
      both(withAccount('softline', { budget: [{ logins: 5, per: '1h' }] }), (base) => ({
        ...base,
        accounts: { ...(base['accounts'] as object), fresh: { flow: 'static', credentials: { token: 'fixed-token' } } },
      })),
    );
    const names = proxy.app.tokens.status().map(({ account }) => account);
    assert.ok(names.includes('fresh'), names.join());
    const text = await proxy.app.metrics.registry.metrics();
    assert.match(text, /tokenward_tokens_refused_total\{account="fresh"\} 0/);
    assert.equal((await call(READ)).status, 200);
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
  });
});
