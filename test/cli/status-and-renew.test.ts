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
    const { code, stderr } = await run(['status', '-c', 'none.yaml'], { cwd: folder() });
    assert.deepEqual(
      [code, stderr],
      [
        2,
        "tokenward: the operator port's address comes from the configuration, but\nnone.yaml: 1 error\n  there is no such file; tokenward init writes one, or name one with -c FILE\nName the port with --operator HOST:PORT. Try: tokenward status --help\n",
      ],
    );
  });

  it('looks at port 9090 of this host if there is no configuration', async function () {
    requireBuild(this);
    const { code, stdout, stderr } = await run(['status'], { cwd: folder() });
    // Something may listen there while the tests run.
    if (code === 0) assert.match(stdout, /^ACCOUNT/);
    else assert.match(stderr, /http:\/\/127\.0\.0\.1:9090/);
  });

  it('takes the operator port as a port, a host and a port, or a URL', async function () {
    requireBuild(this);
    const { port } = new URL(world().proxy.operatorUrl);
    for (const operator of [port, `:${port}`, `localhost:${port}`, `127.0.0.1:${port}`, `http://127.0.0.1:${port}/`])
      assert.equal((await run(['status', '--operator', operator])).code, 0, operator);
  });

  it('says so if the port is the one that applications call', async function () {
    requireBuild(this);
    const { url } = world().proxy;
    for (const args of [['status'], ['renew', 'crm'], ['top']]) {
      const { code, stderr } = await run([...args, '--operator', new URL(url).host]);
      assert.equal(code, 1);
      assert.match(stderr, /is tokenward's proxy port\. The operator port is another, 9090 unless/);
    }
  });

  it('shows one account with all that is known, and names the nearest for one that is not there', async function () {
    requireBuild(this);
    const { call, proxy } = world();
    await call('/crm/v1/licenses');
    const one = await run(['status', 'crm', '--operator', proxy.operatorUrl]);
    assert.equal(one.code, 0);
    assert.match(one.stdout, /^account +crm\nflow +chatapp\nstate +working\n/);
    assert.match(one.stdout, /^refresh token +expires in 335 h 59 min$/m);
    const near = await run(['status', 'crn', '--operator', proxy.operatorUrl]);
    assert.deepEqual(
      [near.code, near.stderr],
      [1, 'tokenward: There is no account of this name. Did you mean "crm"?\n'],
    );
    const far = await run(['status', 'zzzzzzzz', '--operator', proxy.operatorUrl]);
    assert.match(far.stderr, /The accounts are softline, crm, twin\./);
  });

  it('ends with 3 with --fail if an account cannot serve, and with 0 without', async function () {
    requireBuild(this);
    const { call, proxy, sandbox } = world();
    const status = ['status', '--operator', proxy.operatorUrl];
    assert.equal((await run([...status, '--fail'])).code, 0);
    sandbox.twin.accounts[0] = { ...sandbox.twin.accounts[0]!, password: 'another' };
    await call('/twin/iam/api/v1/users/me');
    assert.equal((await run([...status, '--fail'])).code, 3);
    assert.equal((await run([...status, '--fail', '--json'])).code, 3);
    assert.equal((await run(status)).code, 0);
    assert.equal((await run(['status', 'crm', '--fail', '--operator', proxy.operatorUrl])).code, 0);
  });

  it('has colours only where they are asked for', async function () {
    requireBuild(this);
    const args = ['status', '--operator', world().proxy.operatorUrl];
    const escape = String.fromCharCode(27);
    assert.ok(!(await run(args)).stdout.includes(escape));
    const forced = await run(args, { env: { FORCE_COLOR: '1', NO_COLOR: '' } });
    assert.ok(forced.stdout.includes(`${escape}[1mACCOUNT`));
    assert.ok(!(await run(args, { env: { NO_COLOR: '1', FORCE_COLOR: '' } })).stdout.includes(escape));
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

  it('renews several accounts, those that are dead, or all, and says what came of each', async function () {
    // Six commands, two of which wait for the pause between renewals by hand.
    this.timeout(60_000);
    requireBuild(this);
    const { call, proxy, sandbox } = world();
    const operator = ['--operator', proxy.operatorUrl];
    const two = await run(['renew', 'crm', 'softline', ...operator]);
    assert.deepEqual(
      [two.code, two.stdout],
      [0, 'crm has a new token, generation 1\nsoftline has a new token, generation 1\n'],
    );
    assert.deepEqual([tokenCalls(sandbox, 'chatapp'), tokenCalls(sandbox, 'softline')], [1, 1]);
    assert.equal((await run(['renew', '--dead', ...operator])).stdout, 'No account is dead.\n');
    const right = sandbox.twin.accounts[0]!;
    sandbox.twin.accounts[0] = { ...right, password: 'another' };
    await call('/twin/iam/api/v1/users/me');
    const one = await run(['renew', 'nobody', 'twin', '--json', ...operator]);
    assert.equal(one.code, 1);
    assert.deepEqual(
      (JSON.parse(one.stdout) as { account: string; ok: boolean; code: string }[]).map((result) => [
        result.account,
        result.ok,
        result.code,
      ]),
      [
        ['nobody', false, 'account_unknown'],
        ['twin', false, 'credential_dead'],
      ],
    );
    sandbox.twin.accounts[0] = right;
    const dead = await run(['renew', '--dead', '--json', ...operator]);
    assert.deepEqual(JSON.parse(dead.stdout), [{ account: 'twin', ok: true, generation: 1 }]);
    const calls = tokenCalls(sandbox, 'twin');
    const all = await run(['renew', '--all', ...operator]);
    assert.equal(all.code, 0, all.stderr);
    assert.deepEqual(
      ['softline', 'chatapp', 'twin'].map((vendor) => tokenCalls(sandbox, vendor as 'twin')),
      [2, 2, calls + 1],
    );
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
          'tokenward: Nothing answers at http://127.0.0.1:1. Is tokenward running? Name its operator port with --operator HOST:PORT.\n',
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
        stderr: `tokenward: What answers at ${url} is not tokenward's operator port. Name that with --operator HOST:PORT.\n`,
      });
    }
  });
});
