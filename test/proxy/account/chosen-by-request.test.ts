import assert from 'node:assert/strict';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { call, type Answer } from '../../support/call.ts';
import { freshFolder } from '../../support/files.ts';
import { startProxy, type RunningProxy } from '../../support/proxy.ts';
import { headerValues, ownCode, tokenCalls } from '../../support/world.ts';
import { writeLines } from '../../support/account-files.ts';

const READ = '/shops/v1/licenses';

describe('an account that depends on the request', () => {
  const folder = freshFolder();
  let sandbox: Sandbox;
  let proxy: RunningProxy;
  beforeEach(async () => {
    sandbox = await startSandbox();
    const base = { ...sandbox.credentials.chatapp };
    for (const index of [1, 2, 3]) sandbox.chatapp.accounts.push({ ...base, email: `shop-${index}@sandbox.example` });
    const file = writeLines(folder(), [
      ...[1, 2, 3].map((index) => ({
        name: `shop-${index}`,
        flow: 'chatapp',
        baseUrl: sandbox.urls.chatapp,
        credentials: { ...base, email: `shop-${index}@sandbox.example` },
      })),
      {
        name: 'shop-own-way',
        flow: 'chatapp',
        baseUrl: sandbox.urls.chatapp,
        attach: { query: 'key' },
        credentials: base,
      },
      { name: 'other-1', flow: 'chatapp', baseUrl: sandbox.urls.chatapp, credentials: base },
    ]);
    proxy = await startProxy(sandbox, {
      config: (config) => ({
        ...config,
        accountsFrom: { file },
        callers: [
          { name: 'all', key: keyDigest('key-of-all') },
          { name: 'one', key: keyDigest('key-of-one'), account: 'shop-1', accounts: ['shop-2'] },
          { name: 'confined', key: keyDigest('key-of-confined'), account: 'shop-1' },
          { name: 'trusted', key: keyDigest('key-of-trusted'), account: 'shop-1', accounts: ['*'] },
        ],
        routes: [
          ...(config['routes'] as object[]),
          {
            prefix: '/shops',
            upstream: sandbox.urls.chatapp,
            accountFrom: { flow: 'chatapp', header: 'X-Shop', allow: ['shop-*', 'softline'] },
          },
        ],
      }),
    });
  });
  afterEach(async () => {
    await proxy.stop();
    await sandbox.close();
  });

  const ask = (key: string, headers: Record<string, string | string[]> = {}, target = READ): Promise<Answer> =>
    call(proxy.url, target, { headers: { 'x-tokenward-key': key, ...headers } });
  const lastCall = (): { tokenId: string | null; rawHeaders: readonly string[] } =>
    sandbox.ledger.entries({ vendor: 'chatapp', kind: 'api' }).at(-1)!;

  it('is the one that the header names, which the upstream does not see', async () => {
    const tokens = new Set<string | null>();
    for (const shop of ['shop-1', 'shop-2', 'shop-3', 'shop-1']) {
      assert.equal((await ask('key-of-all', { 'x-shop': shop })).status, 200);
      tokens.add(lastCall().tokenId);
      assert.deepEqual(headerValues(lastCall().rawHeaders, 'x-shop'), []);
    }
    assert.equal(tokens.size, 3);
    assert.equal(tokenCalls(sandbox, 'chatapp'), 3);
    await ask('key-of-all', { 'x-shop': 'shop-1', X_Shop: 'shop-2' });
    assert.deepEqual(headerValues(lastCall().rawHeaders, 'x_shop'), []);
  });

  it('travels as an ordinary header on routes that do not ask for it', async () => {
    assert.equal((await ask('key-of-all', { 'x-shop': 'shop-1' }, '/crm/v1/licenses')).status, 200);
    assert.deepEqual(headerValues(lastCall().rawHeaders, 'x-shop'), ['shop-1']);
  });

  it("is the caller's own where no header names one, and he may name it too", async () => {
    assert.equal((await ask('key-of-one')).status, 200);
    const { tokenId } = lastCall();
    assert.equal((await ask('key-of-one', { 'x-shop': 'shop-1' })).status, 200);
    assert.equal(lastCall().tokenId, tokenId);
    assert.equal((await ask('key-of-one', { 'x-shop': 'shop-2' })).status, 200);
    assert.notEqual(lastCall().tokenId, tokenId);
  });

  it("is the caller's own alone if it has one, unless accounts says otherwise", async () => {
    for (const headers of [{}, { 'x-shop': 'shop-1' }])
      assert.equal((await ask('key-of-confined', headers)).status, 200);
    const { tokenId } = lastCall();
    assert.equal((await ask('key-of-trusted')).status, 200);
    assert.equal(lastCall().tokenId, tokenId);
    assert.equal((await ask('key-of-trusted', { 'x-shop': 'shop-3' })).status, 200);
    assert.notEqual(lastCall().tokenId, tokenId);
  });

  for (const [what, key, headers, status, code] of [
    ['is named by nobody', 'key-of-all', {}, 400, 'account_missing'],
    ['is not there', 'key-of-all', { 'x-shop': 'shop-9' }, 404, 'account_unknown'],
    ['has another flow', 'key-of-all', { 'x-shop': 'softline' }, 404, 'account_unknown'],
    ['attaches its token in its own way', 'key-of-all', { 'x-shop': 'shop-own-way' }, 404, 'account_unknown'],
    ['is not allowed on the route', 'key-of-all', { 'x-shop': 'other-1' }, 403, 'account_not_allowed'],
    [
      'is not allowed on the route, and not there either',
      'key-of-all',
      { 'x-shop': 'constructor' },
      403,
      'account_not_allowed',
    ],
    ['is not allowed to the caller', 'key-of-one', { 'x-shop': 'shop-3' }, 403, 'account_not_allowed'],
    [
      "is another one than the caller's own, without a word that it may",
      'key-of-confined',
      { 'x-shop': 'shop-2' },
      403,
      'account_not_allowed',
    ],
    [
      "is another one than the caller's own, and not there",
      'key-of-confined',
      { 'x-shop': 'shop-9' },
      403,
      'account_not_allowed',
    ],
    [
      'is not allowed on the route, whatever the caller may',
      'key-of-trusted',
      { 'x-shop': 'other-1' },
      403,
      'account_not_allowed',
    ],
    ['is named twice', 'key-of-all', { 'x-shop': ['shop-1', 'shop-2'] }, 404, 'account_unknown'],
  ] as const) {
    it(`that ${what} is answered with ${status} ${code}, and nothing is sent`, async () => {
      const answer = await ask(key, headers as Record<string, string | string[]>);
      assert.deepEqual([answer.status, ownCode(answer)], [status, code]);
      assert.equal(sandbox.ledger.count({}), 0);
    });
  }

  it('is renewed by itself: a dead token of one leaves the others alone', async () => {
    for (const shop of ['shop-1', 'shop-2']) await ask('key-of-all', { 'x-shop': shop });
    sandbox.chatapp.revokeCurrent();
    const before = tokenCalls(sandbox, 'chatapp');
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask('key-of-all', { 'x-shop': 'shop-1' })));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.ok(tokenCalls(sandbox, 'chatapp') - before <= 1);
  });

  it('does not let callers log in by themselves', async () => {
    const answer = await call(proxy.url, '/shops/v1/tokens', {
      method: 'POST',
      headers: { 'x-tokenward-key': 'key-of-all', 'x-shop': 'shop-1', 'content-type': 'application/json' },
      body: '{}',
    });
    assert.deepEqual([answer.status, ownCode(answer)], [403, 'login_path_refused']);
  });
});
