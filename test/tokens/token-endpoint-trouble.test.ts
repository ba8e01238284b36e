import assert from 'node:assert/strict';
import type { TokenRequestMode } from '../../src/sandbox/token-modes.ts';
import { metric } from '../support/call.ts';
import { FakeClock } from '../support/clock.ts';
import { eventually } from '../support/eventually.ts';
import { operator, readinessOf } from '../support/operator.ts';
import { closedPort } from '../support/wire.ts';
import { both, freshWorld, ownCode, tokenCalls, VENDORS, withAccount } from '../support/world.ts';

/** Every way in which a token endpoint may fail at once; the ones that take 15 s have a test of their own below. */
const TROUBLES: readonly (readonly [name: string, mode: TokenRequestMode])[] = [
  ['a 500', 'status-500'],
  ['a 503', { status: 503, body: 'down' }],
  ['a web page with status 200', 'html-200'],
  ['an empty 200', 'empty-200'],
  ['a 200 without a token', { status: 200, body: { success: true, data: {} } }],
  ['a 200 with a list', { status: 200, body: [] }],
  ['a redirect', 'redirect'],
  ['a reset connection', 'reset'],
  ['a pair made, and the connection reset before its answer', 'commit-then-reset'],
  ['2 MiB of answer', 'huge'],
  ['a 429', { status: 429, body: {} }],
];

describe('a token endpoint in trouble, and no token yet', () => {
  const clock = new FakeClock();
  const world = freshWorld({ surroundings: { clock } });

  for (const [name, mode] of TROUBLES) {
    it(`${name}: one quick second try, then 503 with Retry-After for everybody; 100 calls cost no further login; then it heals by itself`, async () => {
      const { sandbox } = world();
      for (const { vendor, read } of VENDORS) {
        sandbox[vendor].set({ loginMode: mode });
        const first = await world().call(read);
        assert.equal(first.status, 503, vendor);
        assert.equal(ownCode(first), 'token_unavailable');
        assert.ok(Number(first.headers['retry-after']) >= 2);
        const answers = await Promise.all(
          Array.from({ length: vendor === 'softline' ? 100 : 10 }, () => world().call(read)),
        );
        for (const answer of answers) {
          assert.equal(answer.status, 503);
          assert.equal(ownCode(answer), 'token_unavailable');
          assert.ok(Number(answer.headers['retry-after']) >= 1);
        }
        assert.equal(tokenCalls(sandbox, vendor), 2);
        assert.equal(sandbox.ledger.count({ vendor, kind: 'api' }), 0);
        assert.equal(
          sandbox.ledger.count({ vendor, where: ({ target }) => target.includes('redirected') }),
          0,
          'the redirect was followed',
        );

        sandbox[vendor].set({ loginMode: 'normal' });
        clock.pass(Number(first.headers['retry-after']) * 1_000);
        assert.equal((await world().call(read)).status, 200);
        assert.equal(sandbox.ledger.count({ vendor, kind: 'login' }), 3);
      }
    });
  }

  it('an hour of 500s costs at most a login in half a minute', async () => {
    const { sandbox } = world();
    sandbox.softline.set({ loginMode: 'status-500' });
    for (let second = 0; second < 3_600; second += 20) {
      await world().call('/softline/v1/order/77');
      clock.pass(20_000);
    }
    const logins = tokenCalls(sandbox, 'softline');
    assert.ok(logins >= 60 && logins <= 121, `${logins} logins`);
  });

  it('its own Retry-After is kept to', async () => {
    const { sandbox } = world();
    sandbox.softline.set({ loginMode: { status: 429, headers: { 'retry-after': '90' }, body: {} } });
    const first = await world().call('/softline/v1/order/77');
    assert.ok(Number(first.headers['retry-after']) >= 90);
    clock.pass(89_000);
    await world().call('/softline/v1/order/77');
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
    clock.pass(2_000);
    await world().call('/softline/v1/order/77');
    assert.equal(tokenCalls(sandbox, 'softline'), 2);
  });

  it('an answer without a lifetime is a good one', async () => {
    const { sandbox } = world();
    for (const { vendor, read } of VENDORS) {
      sandbox[vendor].set({ loginMode: 'no-lifetime' });
      assert.equal((await world().call(read)).status, 200);
      assert.equal((await world().call(read)).status, 200);
      assert.equal(tokenCalls(sandbox, vendor), 1);
    }
  });

  it('readyz names the account and the reason, and forgets it when it is over', async () => {
    const { sandbox, proxy } = world();
    sandbox.twin.set({ loginMode: 'status-500' });
    await world().call('/twin/iam/api/v1/users/me');
    const { problems } = await readinessOf(proxy);
    assert.deepEqual(
      problems.map(({ account, state }) => [account, state]),
      [['twin', 'down']],
    );
    assert.match(problems[0]!.problem, /status_5xx/);
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_renewal_failures_total', { account: 'twin', reason: 'status_5xx' }),
      2,
    );
    sandbox.twin.set({ loginMode: 'normal' });
    clock.pass(10_000);
    assert.equal((await world().call('/twin/iam/api/v1/users/me')).status, 200);
    await operator(proxy).get('/readyz').expect(200, { ready: true, problems: [] });
  });
});

describe('a token endpoint that cannot be reached', () => {
  let nowhere = '';
  before(async () => {
    nowhere = await closedPort();
  });
  const world = freshWorld({
    config: (base) => both(...VENDORS.map(({ account }) => withAccount(account, { baseUrl: nowhere })))(base),
  });

  it('gives 503 token_unavailable, to the first caller as to the next', async () => {
    for (const { read } of VENDORS) {
      const answer = await world().call(read);
      assert.equal(answer.status, 503);
      assert.equal(ownCode(answer), 'token_unavailable');
      assert.match(answer.text, /connect/);
      assert.equal((await world().call(read)).status, 503);
    }
  });
});

describe('a token endpoint in trouble while the old token lives', () => {
  const clock = new FakeClock();
  const world = freshWorld({ surroundings: { clock } });

  for (const [name, mode] of TROUBLES) {
    it(`${name}: every call goes on with the old token, and few are made to renew it; clear errors after its end`, async () => {
      const { sandbox, proxy } = world();
      const { vendor, read } = VENDORS[0];
      const renewing = (): boolean => proxy.app.tokens.status().some((status) => status.renewing);
      await world().call(read);
      sandbox[vendor].set({ loginMode: mode });
      // 86 % of 24 h: the early window. The upstream goes by its own clock and takes the token as good.
      clock.pass(0.86 * 86_400_000);
      for (const { status } of await Promise.all(Array.from({ length: 100 }, () => world().call(read))))
        assert.equal(status, 200);
      await eventually('the background renewal was tried', () => tokenCalls(sandbox, vendor) === 2 && !renewing());
      clock.pass(60_000);
      for (let i = 0; i < 20; i += 1) assert.equal((await world().call(read)).status, 200);
      await eventually('and tried again', () => tokenCalls(sandbox, vendor) === 3 && !renewing());

      clock.pass(0.15 * 86_400_000);
      const after = await Promise.all(Array.from({ length: 30 }, () => world().call(read)));
      for (const answer of after) assert.equal(ownCode(answer), 'token_unavailable');
      assert.equal(tokenCalls(sandbox, vendor), 4);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'api', where: ({ tokenId }) => tokenId !== 'softline#1' }), 0);
    });
  }

  for (const { vendor, read } of VENDORS.slice(1)) {
    it(`${vendor}: a refresh that fails for a while keeps the refresh token, and makes no login`, async () => {
      const { sandbox } = world();
      await world().call(read);
      sandbox[vendor].set({ refreshMode: 'status-500' });
      sandbox[vendor].revokeCurrent();
      const first = await world().call(read);
      assert.equal(ownCode(first), 'token_unavailable');
      for (let i = 0; i < 50; i += 1) assert.equal((await world().call(read)).status, 503);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'refresh' }), 2);
      sandbox[vendor].set({ refreshMode: 'normal' });
      clock.pass(5_000);
      assert.equal((await world().call(read)).status, 200);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'refresh' }), 3);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'login' }), 1);
    });
  }
});

describe('a slow token endpoint', () => {
  const world = freshWorld();

  it('that answers within its time is waited for, by everybody and with one call', async () => {
    const { sandbox } = world();
    sandbox.softline.set({ loginMode: 'slow', slowMs: 1_000 });
    const answers = await Promise.all(Array.from({ length: 50 }, () => world().call('/softline/v1/order/77')));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
  });

  it('that never answers, answers after 20 s, or sends a byte now and then: 503 after 15 s, one call each', async function () {
    this.timeout(40_000);
    const { sandbox } = world();
    sandbox.softline.set({ loginMode: 'hang' });
    sandbox.chatapp.set({ loginMode: 'slow', slowMs: 20_000 });
    sandbox.twin.set({ loginMode: 'drip', dripMs: 100 });
    const start = performance.now();
    const answers = await Promise.all(
      VENDORS.flatMap(({ read }) => Array.from({ length: 10 }, () => world().call(read))),
    );
    const seconds = (performance.now() - start) / 1_000;
    assert.ok(seconds > 14 && seconds < 30, `${seconds} s`);
    for (const answer of answers) {
      assert.equal(ownCode(answer), 'token_unavailable');
      assert.match(answer.text, /timeout/);
    }
    for (const { vendor } of VENDORS) assert.equal(tokenCalls(sandbox, vendor), 1);
    // The connections of the calls given up are closed as well.
    await eventually('no token call is left open', () =>
      VENDORS.every(({ vendor }) => sandbox.ledger.open()[vendor] === 0),
    );
  });
});

describe('a slow renewal in the background', () => {
  const clock = new FakeClock();
  const world = freshWorld({ surroundings: { clock } });

  it('holds nobody up: calls go on with the token there is, and change over when the new one has come', async () => {
    const { sandbox } = world();
    await world().call('/softline/v1/order/77');
    sandbox.softline.set({ loginMode: 'slow', slowMs: 2_500 });
    clock.pass(0.86 * 86_400_000);
    for (let i = 0; i < 20; i += 1) assert.equal((await world().call('/softline/v1/order/77')).status, 200);
    await eventually('the renewal has begun', () => tokenCalls(sandbox, 'softline') === 2);
    assert.equal(sandbox.ledger.last({ kind: 'login' })?.finishedAt, null, 'the calls waited for the renewal');
    assert.equal(sandbox.ledger.count({ vendor: 'softline', tokenId: 'softline#1', kind: 'api' }), 21);
    await eventually('the new token is in use', async () => {
      await world().call('/softline/v1/order/77');
      return sandbox.ledger.last({ vendor: 'softline', kind: 'api' })?.tokenId === 'softline#2';
    });
    assert.equal(tokenCalls(sandbox, 'softline'), 2);
  });
});
