import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { freshWorld, tokenCalls } from '../support/world.ts';
import { freshFolder, writeConfig } from '../support/files.ts';

describe('tokenward status', () => {
  const world = freshWorld();
  const folder = freshFolder();

  it('shows what every account of a running tokenward is doing', async function () {
    requireBuild(this);
    const { call, proxy, sandbox } = world();
    await call('/softline/v1/order/7');
    await call('/crm/v1/licenses');
    sandbox.twin.accounts[0] = { ...sandbox.twin.accounts[0]!, password: 'another' };
    await call('/twin/iam/api/v1/users/me');
    const { code, stdout, stderr } = await run(['status', '--operator', proxy.operatorUrl]);
    assert.deepEqual([code, stderr], [0, '']);
    const [head, ...rows] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    assert.deepEqual(head, ['ACCOUNT', 'FLOW', 'STATE', 'GENERATION', 'EXPIRES IN', 'LOGINS LEFT', 'PROBLEM']);
    assert.deepEqual(
      rows.map((row) => row.slice(0, 4)),
      [
        ['softline', 'softline', 'working', '1'],
        ['crm', 'chatapp', 'working', '1'],
        ['twin', 'twin', 'dead', '0'],
      ],
    );
    // Node's Date field lags by up to a second, and a life is counted from it.
    assert.match(rows[0]![4]!, /^(?:23 h 59|24 h 0) min$/);
    assert.equal(rows[1]![5], '79 of 80 (+20)');
    assert.equal(rows[2]![6], 'the token endpoint refused the login (status 401)');
  });

  it('says the same as JSON for programs', async function () {
    requireBuild(this);
    const { code, stdout } = await run(['status', '--json', '--operator', `${world().proxy.operatorUrl}/`]);
    assert.equal(code, 0);
    const status = JSON.parse(stdout) as { accounts: { account: string; ready: boolean }[] };
    assert.deepEqual(
      status.accounts.map(({ account, ready }) => [account, ready]),
      [
        ['softline', true],
        ['crm', true],
        ['twin', true],
      ],
    );
  });

  it('finds the operator port in the environment or in the configuration', async function () {
    requireBuild(this);
    const { operatorUrl } = world().proxy;
    assert.equal((await run(['status'], { env: { TOKENWARD_OPERATOR: operatorUrl } })).code, 0);
    const file = writeConfig(folder(), {
      operator: { host: '0.0.0.0', allowAnonymous: true, port: Number(new URL(operatorUrl).port) },
      accounts: { a: { flow: 'static', credentials: { token: 'x' } } },
      routes: [{ prefix: '/a', upstream: 'https://a.example' }],
    });
    assert.equal((await run(['status', '-c', file])).code, 0);
  });

  it('says what to do if the configuration cannot tell', async function () {
    requireBuild(this);
    const { code, stderr } = await run(['status'], { cwd: folder() });
    assert.deepEqual(
      [code, stderr],
      [
        2,
        "tokenward: the operator port's address comes from the configuration, but\nproxy.config.yaml: 1 mistake\n  there is no such file; name one with -c FILE\nSet the port with --operator URL. Try: tokenward --help\n",
      ],
    );
  });
});

describe('tokenward renew', () => {
  const world = freshWorld();

  it('gets an account a new token now', async function () {
    requireBuild(this);
    const { call, proxy, sandbox } = world();
    await call('/crm/v1/licenses');
    assert.deepEqual(await run(['renew', 'crm', '--operator', proxy.operatorUrl]), {
      code: 0,
      stdout: 'crm has a new token, generation 2\n',
      stderr: '',
    });
    assert.equal(tokenCalls(sandbox, 'chatapp'), 2);
    assert.equal((await call('/crm/v1/licenses')).status, 200);
  });

  it('gives a dead credential another chance', async function () {
    requireBuild(this);
    const { call, proxy, sandbox } = world();
    const right = sandbox.softline.accounts[0]!;
    sandbox.softline.accounts[0] = { ...right, password: 'another' };
    await call('/softline/v1/order/7');
    const refused = await run(['renew', 'softline', '--operator', proxy.operatorUrl]);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(
      refused.stderr,
      /^tokenward: account softline: the token endpoint refused the login \(status 401, code 1006\) \(credential_dead\)\n$/,
    );
    sandbox.softline.accounts[0] = right;
    assert.equal((await run(['renew', 'softline', '--operator', proxy.operatorUrl])).code, 0);
    assert.equal((await call('/softline/v1/order/7')).status, 200);
  });

  it('says how many logins in reserve are left once the others are used up, and how to spend one', async function () {
    this.timeout(60_000);
    requireBuild(this);
    const { proxy, sandbox } = world();
    sandbox.chatapp.set({ refreshTokenInAnswer: 'omit', loginPatch: { 'data.refreshToken': undefined } });
    for (let index = 0; index < 80; index += 1) await proxy.app.tokens.renewNow('crm', {});
    const refused = await run(['renew', 'crm', '--operator', proxy.operatorUrl]);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /\(login_budget_exhausted\)\n20 of 20 logins in reserve are left: tokenward renew crm --use-reserve spends one\. The next automatic login is possible in 23 h 5\d min\.\n$/,
    );
    assert.equal(
      (await run(['renew', 'crm', '--use-reserve', '--operator', proxy.operatorUrl])).stdout,
      'crm has a new token, generation 81\n',
    );
    assert.match((await run(['status', '--operator', proxy.operatorUrl])).stdout, /^crm .* 0 of 80 \(\+19\)/m);
  });

  it('says so if there is no such account', async function () {
    requireBuild(this);
    for (const [name, hint] of [
      ['crn', 'Did you mean "crm"?'],
      ...['%zz', '../status', 'a b'].map((other) => [other, 'The accounts are softline, crm, twin.']),
    ] as [string, string][]) {
      assert.deepEqual(
        await run(['renew', name, '--operator', world().proxy.operatorUrl]),
        { code: 1, stdout: '', stderr: `tokenward: There is no account of this name. ${hint} (account_unknown)\n` },
        name,
      );
    }
  });
});

describe('tokenward status and renew', () => {
  let other: Server;
  before((done) => {
    other = createServer((request, response) =>
      response
        .setHeader('content-type', request.url!.includes('json') ? 'application/json' : 'text/html')
        .end(request.url!.includes('json') ? '{}' : '<p>Hello'),
    ).listen(0, '127.0.0.1', done);
  });
  after(() => other.close());

  it('say so if nothing answers', async function () {
    requireBuild(this);
    for (const args of [['status'], ['renew', 'crm']]) {
      assert.deepEqual(await run([...args, '--operator', 'http://127.0.0.1:1']), {
        code: 1,
        stdout: '',
        stderr:
          'tokenward: Nothing answers at http://127.0.0.1:1. Is tokenward running? Set its operator port with --operator URL.\n',
      });
    }
  });

  it('say so if something else answers', async function () {
    requireBuild(this);
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    for (const args of [
      ['status', '--operator', url],
      ['status', '--operator', `${url}/json`],
      ['renew', 'crm', '--operator', url],
    ]) {
      assert.deepEqual(await run(args), {
        code: 1,
        stdout: '',
        stderr: `tokenward: What answers at ${url} is not tokenward's operator port. Set that with --operator URL.\n`,
      });
    }
  });
});
