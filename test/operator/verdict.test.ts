import assert from 'node:assert/strict';
import { StoreError } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import type { Incident } from '../../src/operator/incident.ts';
import { operator, statusOf } from '../support/operator.ts';
import { freshWorld, withAccount, withRoute, both } from '../support/world.ts';

const shapeOf = ({ severity, what, action, command, who }: Incident): unknown => ({
  severity,
  what,
  action,
  command,
  routes: who.routes,
});

describe('the verdict and the incidents in /status', () => {
  const world = freshWorld();
  const { check } = EmbeddedStore.prototype;
  afterEach(() => {
    EmbeddedStore.prototype.check = check;
  });

  it('are good while nothing is wrong', async () => {
    const { proxy, call } = world();
    const fresh = await statusOf(proxy);
    assert.deepEqual(
      [fresh.verdict, fresh.incidents],
      ['Ready: no account is in trouble, and none of 3 accounts has been used yet.', []],
    );
    await call('/softline/v1/order/7');
    const used = await statusOf(proxy);
    assert.deepEqual([used.verdict, used.incidents], ['All 3 accounts are well.', []]);
    assert.deepEqual([used.states.working, used.states.unused, used.actions], [1, 2, ['renew']]);
  });

  it('name an account that is dead', async () => {
    const { proxy, sandbox, call } = world();
    sandbox.twin.accounts.length = 0;
    const before = Date.now();
    await call('/twin/iam/api/v1/users/me');
    const { verdict, incidents } = await statusOf(proxy);
    assert.equal(verdict, '1 of 3 accounts cannot serve.');
    assert.deepEqual(incidents.map(shapeOf), [
      {
        severity: 'critical',
        what: 'twin is dead: its requests fail until a person acts.',
        action: { kind: 'renew', account: 'twin' },
        command: 'tokenward renew twin',
        routes: ['/twin/iam', '/twin/cis', '/twin/notify'],
      },
    ]);
    assert.ok(incidents[0]!.since! >= before && incidents[0]!.since! <= Date.now());
  });

  it('name an account that is out of logins, and the reserve that helps', async () => {
    const { proxy, sandbox, call } = world();
    sandbox.chatapp.set({ refreshTokenInAnswer: 'omit', loginPatch: { 'data.refreshToken': undefined } });
    for (let index = 0; index < 80; index += 1) await proxy.app.tokens.renewNow('crm', { login: true });
    const low = await statusOf(proxy);
    assert.deepEqual(
      [low.verdict, low.incidents.map(({ what, severity }) => [what, severity])],
      ['Requests are served, but one thing needs attention.', [['crm has 0 of 80 automatic logins left.', 'warning']]],
    );
    sandbox.chatapp.revokeAll();
    assert.equal((await call('/crm/v1/licenses')).status, 503);
    const { verdict, incidents } = await statusOf(proxy);
    assert.equal(verdict, '1 of 3 accounts cannot serve.');
    assert.deepEqual(incidents.map(shapeOf), [
      {
        severity: 'critical',
        what: 'crm is out of logins: its requests fail.',
        action: { kind: 'renew', account: 'crm', reserve: true },
        command: 'tokenward renew crm --use-reserve',
        routes: ['/crm'],
      },
    ]);
    const wait = incidents[0]!.retryAt! - Date.now();
    assert.ok(wait > 86_000_000 && wait <= 86_400_000, `${wait}`);
  });

  it('name an account that is down, with the next try', async () => {
    const { proxy, sandbox, call } = world();
    sandbox.softline.set({ loginMode: 'status-500' });
    await call('/softline/v1/order/7');
    const { verdict, incidents } = await statusOf(proxy);
    assert.equal(verdict, '1 of 3 accounts cannot serve.');
    assert.equal(incidents[0]!.what, 'softline is down: its requests fail until a renewal succeeds.');
    assert.match(incidents[0]!.why!, /^the login failed \(status_5xx/);
    assert.ok(incidents[0]!.retryAt! > Date.now());
  });

  it('say that the store cannot be used', async () => {
    const { proxy } = world();
    const why = 'The store in /data cannot be written: no space left on device.';
    EmbeddedStore.prototype.check = () => Promise.reject(new StoreError(why));
    const { verdict, incidents } = await statusOf(proxy);
    assert.equal(verdict, 'The token store cannot be used: tokens in memory go on serving, and nothing is renewed.');
    assert.deepEqual([incidents[0]!.severity, incidents[0]!.why], ['critical', why]);
  });

  it('tell the last hour of a route, and whose errors they were', async () => {
    const { proxy, sandbox, call } = world();
    for (let index = 0; index < 3; index += 1) await call('/softline/v1/order/7');
    sandbox.softline.set({ apiOverride: { status: 404, count: 1 } });
    await call('/softline/v1/order/7');
    sandbox.twin.accounts.length = 0;
    await call('/twin/iam/api/v1/users/me');
    const { routes } = await statusOf(proxy);
    const sums = routes.map(({ prefix, minutes }) => [
      prefix,
      ...(['requests', 'errorsOurs', 'errorsTheirs'] as const).map((name) =>
        minutes.reduce((sum, minute) => sum + minute[name], 0),
      ),
    ]);
    assert.deepEqual(sums.slice(0, 3), [
      ['/softline', 4, 0, 1],
      ['/crm', 0, 0, 0],
      ['/twin/iam', 1, 1, 0],
    ]);
    const { p50, p95 } = routes[0]!.minutes.at(-1)!;
    assert.ok(p50! > 0 && p95! >= p50!, `${p50} ${p95}`);
  });
});

describe('the incidents of upstreams and limits', () => {
  const world = freshWorld({
    config: both(
      withRoute('/softline', { upstream: 'http://127.0.0.1:9' }),
      withAccount('twin', { flow: 'static', baseUrl: undefined, credentials: { token: 'wrong' } }),
    ),
  });

  it('name an upstream that cannot be reached', async () => {
    const { proxy, call } = world();
    assert.equal((await call('/softline/v1/order/7')).status, 502);
    const { verdict, incidents, routes } = await statusOf(proxy);
    assert.equal(verdict, 'The upstream 127.0.0.1:9 of /softline cannot be reached.');
    assert.deepEqual(incidents.map(shapeOf), [
      {
        severity: 'critical',
        what: 'The upstream 127.0.0.1:9 of /softline cannot be reached.',
        action: undefined,
        command: undefined,
        routes: ['/softline'],
      },
    ]);
    assert.equal(routes[0]!.outage!.upstream, '127.0.0.1:9');
  });

  it('name a fixed token that the upstream rejects', async () => {
    const { proxy, call } = world();
    for (let index = 0; index < 6; index += 1) assert.equal((await call('/twin/iam/api/v1/users/me')).status, 401);
    const { incidents } = await statusOf(proxy);
    const found = incidents.find(({ id }) => id === 'rejected /twin/iam')!;
    assert.equal(found.what, 'The upstream of /twin/iam rejects the token of 100% of the requests.');
    assert.equal(found.severity, 'critical');
    // Nothing renews it, so no button offers that.
    const account = incidents.find(({ id }) => id === 'account twin')!;
    assert.deepEqual([account.action, account.command], [undefined, undefined]);
  });
});

describe('POST /drain', () => {
  let drained = 0;
  const world = freshWorld({ surroundings: { onDrain: () => void (drained += 1) } });

  it('begins the stop that the program offers, and logs who asked', async () => {
    const { proxy } = world();
    assert.deepEqual((await statusOf(proxy)).actions, ['renew', 'drain']);
    await operator(proxy).post('/drain').set('origin', 'https://evil.example').expect(403);
    assert.equal(drained, 0);
    await operator(proxy).post('/drain').expect(202);
    assert.equal(drained, 1);
    assert.ok(proxy.lines.some((line) => line.includes('"an operator stops tokenward","address":"127.0.0.1"')));
  });
});

describe('POST /drain on a port that others can reach', () => {
  let drained = 0;
  const world = freshWorld({
    config: (base) => ({ ...base, operator: { host: '0.0.0.0', port: 0, allowAnonymous: true } }),
    surroundings: { onDrain: () => void (drained += 1) },
  });

  it('needs a key, however its path is written', async () => {
    for (const path of ['/drain', '/DRAIN', '/drain/', '/Drain?x=1'])
      await operator(world().proxy).post(path).expect(403);
    assert.equal(drained, 0);
  });
});
