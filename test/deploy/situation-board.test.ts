import assert from 'node:assert/strict';
import { StoreError } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { operator } from '../support/operator.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import type { RunningProxy } from '../support/proxy.ts';
import { requireTool } from '../support/tools.ts';
import { both, freshWorld, withAccount } from '../support/world.ts';
import { firing } from './firing.ts';

const CRM = '/crm/v1/licenses';
const TWIN = '/twin/iam/api/v1/users/me';

/** What Prometheus would scrape. */
async function scraped(proxy: RunningProxy): Promise<string> {
  return (await operator(proxy).get('/metrics').expect(200)).text;
}

/**
 * Every way in which calls can fail is provoked, and the alerts are what an operator gets to see of it: one cause, one
 * alert.
 */
describe('what the alerts say', function () {
  this.timeout(60_000);
  const keep = closing();
  const world = freshWorld({
    config: both(withAccount('crm', { budget: { logins: 8, per: 86_400, reserve: 2 } }), (base) => ({
      ...base,
      limits: { inFlight: 1 },
    })),
  });

  /** Scrapes, provokes, scrapes; which alerts fire if it goes on like that. */
  const after = async (context: Mocha.Context, provoke: () => Promise<void>, goesOn = true): Promise<string[]> => {
    const promtool = requireTool(context, 'promtool');
    const { proxy } = world();
    const before = await scraped(proxy);
    await provoke();
    return firing(promtool, before, await scraped(proxy), goesOn);
  };
  const times = async (count: number, target: string): Promise<number[]> => {
    const statuses: number[] = [];
    for (let index = 0; index < count; index += 1) statuses.push((await world().call(target)).status);
    return statuses;
  };
  const loginsOnly = (): void =>
    world().sandbox.chatapp.set({ refreshTokenInAnswer: 'omit', loginPatch: { 'data.refreshToken': undefined } });
  const renewed = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) await world().proxy.app.tokens.renewNow('crm', {});
  };

  it('of a token that was revoked and renewed: nothing', async function () {
    assert.deepEqual(
      await after(
        this,
        async () => {
          await times(1, TWIN);
          world().sandbox.twin.revokeCurrent();
          assert.deepEqual(await times(3, TWIN), [200, 200, 200]);
        },
        false,
      ),
      [],
    );
  });

  it('of a wrong password: that a person must act', async function () {
    assert.deepEqual(
      await after(this, async () => {
        world().sandbox.twin.accounts[0] = { ...world().sandbox.twin.accounts[0]!, password: 'another' };
        assert.deepEqual(await times(6, TWIN), [503, 503, 503, 503, 503, 503]);
      }),
      ['TokenwardCredentialDead'],
    );
  });

  it('of a budget that is nearly gone: that it is low', async function () {
    assert.deepEqual(
      await after(
        this,
        async () => {
          loginsOnly();
          await renewed(5);
        },
        false,
      ),
      ['TokenwardLoginBudgetLow'],
    );
  });

  it('of a budget that is gone while the token serves: that it is exhausted', async function () {
    assert.deepEqual(
      await after(
        this,
        async () => {
          loginsOnly();
          await renewed(6);
          assert.deepEqual(await times(2, CRM), [200, 200]);
        },
        false,
      ),
      ['TokenwardLoginBudgetExhausted'],
    );
  });

  it('of a budget that is gone and a token that is refused: that calls fail for want of logins', async function () {
    assert.deepEqual(
      await after(this, async () => {
        loginsOnly();
        await renewed(6);
        world().sandbox.chatapp.revokeCurrent();
        assert.deepEqual(await times(6, CRM), [503, 503, 503, 503, 503, 503]);
      }),
      ['TokenwardOutOfLogins'],
    );
  });

  it('of a refresh that fails while the token is refused: that the account is down', async function () {
    assert.deepEqual(
      await after(this, async () => {
        await times(1, TWIN);
        world().sandbox.twin.set({ refreshMode: 'status-500', loginMode: 'status-500' });
        world().sandbox.twin.revokeCurrent();
        assert.deepEqual([...new Set(await times(6, TWIN))], [503]);
      }),
      ['TokenwardAccountDown'],
    );
  });

  it('of a store that cannot be used: that, and nothing of each account and operation', async function () {
    const { check, acquireLease } = EmbeddedStore.prototype;
    const broken = (): Promise<never> =>
      Promise.reject(new StoreError('The store cannot be written: read-only file system.'));
    try {
      assert.deepEqual(
        await after(this, async () => {
          await times(1, TWIN);
          world().sandbox.twin.revokeCurrent();
          EmbeddedStore.prototype.check = broken;
          EmbeddedStore.prototype.acquireLease = broken;
          assert.deepEqual([...new Set(await times(6, TWIN))], [503]);
        }),
        ['TokenwardStoreUnusable'],
      );
    } finally {
      Object.assign(EmbeddedStore.prototype, { check, acquireLease });
    }
  });

  it('of one caller who takes every request there may be: that others are turned away', async function () {
    assert.deepEqual(
      await after(this, async () => {
        await times(1, '/softline/v1/order/7');
        const leaving = new AbortController();
        const held = world()
          .call('/softline/v1/sandbox/hang', { signal: leaving.signal })
          .catch(() => undefined);
        await eventually(
          'it is under way',
          () => world().sandbox.ledger.count({ vendor: 'softline', kind: 'api' }) === 2,
        );
        assert.deepEqual([...new Set(await times(12, TWIN))], [503]);
        leaving.abort();
        await held;
      }),
      ['TokenwardTooManyRequests'],
    );
  });

  for (const [what, upstream, reason, status] of [
    ['that is down', 'http://127.0.0.1:1', 'upstream_unreachable', 502],
    ['that is too slow', undefined, 'upstream_timeout', 504],
  ] as const) {
    it(`of an upstream ${what}: that it fails, and how, also for an application that calls seldom`, async function () {
      const promtool = requireTool(this, 'promtool');
      const slow = await keep(fakeUpstream(() => undefined));
      const proxy = await keep(
        startCustomProxy({
          callers: 'none',
          routes: [
            { prefix: '/legacy', upstream: upstream ?? slow.url, account: 'fixed', timeouts: { firstByte: '50ms' } },
          ],
        }),
      );
      const before = await scraped(proxy);
      assert.equal((await call(proxy.url, '/legacy/x')).status, status);
      const text = await scraped(proxy);
      assert.match(text, new RegExp(`^tokenward_errors_total\\{route="/legacy",reason="${reason}"\\} 1$`, 'm'));
      // One call a minute.
      assert.deepEqual(await firing(promtool, before, text), ['TokenwardUpstreamFailing']);
    });
  }

  it('of a fixed token that the upstream refuses: that the account is down', async function () {
    const promtool = requireTool(this, 'promtool');
    const upstream = await keep(fakeUpstream((_request, response) => void response.writeHead(401).end()));
    const proxy = await keep(
      startCustomProxy({ callers: 'none', routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const before = await scraped(proxy);
    for (let index = 0; index < 3; index += 1) assert.equal((await call(proxy.url, '/api/x')).status, 401);
    assert.deepEqual(await firing(promtool, before, await scraped(proxy)), ['TokenwardAccountDown']);
  });
});
