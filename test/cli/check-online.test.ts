import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { Authority } from '../support/certificates.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { sandboxConfigObject } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';

interface Online {
  readonly ok: boolean;
  readonly online: readonly { kind: string; name: string; ok: boolean; detail?: string }[];
}

describe('tokenward check --online', () => {
  const folder = freshFolder();
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox.close());
  beforeEach(() => sandbox.ledger.clear());

  const file = (change: object = {}): string =>
    writeConfig(folder(), { ...sandboxConfigObject(sandbox, join(folder(), 'store')), ...change });

  it('connects to upstreams, token endpoints and store, and spends no login', async function () {
    requireBuild(this);
    const { code, stdout } = await run(['check', '--online', '-c', file()]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^ {2}ok {6}token endpoint +http:\/\/127\.0\.0\.1:\d+ \(crm\)$/m);
    assert.match(stdout, /^ {2}ok {6}store +\S+: not there yet, serve makes it$/m);
    assert.match(stdout, /^No login was made: --login makes one for each account\.$/m);
    assert.equal(sandbox.ledger.count({}), 0);
  });

  it('logs in once with each account with --login', async function () {
    requireBuild(this);
    const { code, stdout } = await run(['check', '--online', '--login', '-c', file()]);
    assert.equal(code, 0, stdout);
    assert.equal(sandbox.ledger.count({ kind: 'login' }), 3);
    assert.equal(sandbox.ledger.count({ kind: 'api' }), 0);
  });

  it('ends with 1 if an upstream cannot be reached, and says which and why', async function () {
    requireBuild(this);
    const routes = [{ prefix: '/gone', upstream: 'http://127.0.0.1:1', account: 'crm' }];
    const { code, stdout } = await run(['check', '--online', '--json', '-c', file({ routes })]);
    const { ok, online } = JSON.parse(stdout) as Online;
    assert.deepEqual([code, ok], [1, false]);
    assert.deepEqual(
      online.filter((one) => !one.ok),
      [
        {
          kind: 'upstream',
          name: 'http://127.0.0.1:1 (/gone)',
          ok: false,
          detail: 'the connection is refused (ECONNREFUSED)',
        },
      ],
    );
  });

  it('verifies certificates', async function () {
    requireBuild(this);
    const authority = new Authority(this, folder());
    const { cert, key } = authority.issue({ cn: 'localhost', names: [['DNS', 'localhost']] });
    const server = createTlsServer({ cert, key }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const upstream = `https://localhost:${(server.address() as AddressInfo).port}`;
    const checked = async (route: object): Promise<Online> => {
      const routes = [{ prefix: '/tls', upstream, account: 'crm', ...route }];
      return JSON.parse((await run(['check', '--online', '--json', '-c', file({ routes })])).stdout) as Online;
    };
    const unknown = await checked({});
    const known = await checked({ tls: { caFile: authority.caFile } });
    server.close();
    assert.match(unknown.online[0]!.detail!, /of an unknown authority: set tls\.caFile/);
    assert.equal(known.online[0]!.ok, true);
  });
});

describe('tokenward check --json', () => {
  const folder = freshFolder();

  it('is a list of errors with place and code, and repeats no value', async function () {
    requireBuild(this);
    const config = writeConfig(
      folder(),
      'accounts:\n  crm: { flow: chatapp, credentials: { emial: a, password: hunter22, appId: "${NONE}" } }\nroutes:\n  - { prefix: /crm, upstream: a.example, account: cmr }\n',
    );
    const { code, stdout, stderr } = await run(['check', '--json', '-c', config]);
    assert.deepEqual([code, stderr], [2, '']);
    assert.ok(!stdout.includes('hunter22'));
    const { ok, errors } = JSON.parse(stdout) as {
      ok: boolean;
      errors: { file: string; line: number; column: number; path: string; code: string; message: string }[];
    };
    assert.equal(ok, false);
    assert.deepEqual(
      errors.map(({ line, column, path, code: kind }) => `${line}:${column} ${path} ${kind}`).sort(),
      [
        '2:25 accounts.crm.credentials missing',
        '2:40 accounts.crm.credentials.emial unknown_key',
        '2:77 accounts.crm.credentials.appId environment',
        '4:31 routes.0.upstream invalid',
        '4:51 routes.0.account unknown_name',
      ].sort(),
    );
    assert.ok(errors.every(({ file }) => file === config));
  });

  it('lists warnings, and is fine with them', async function () {
    requireBuild(this);
    const config = writeConfig(
      folder(),
      'accounts:\n  a: { flow: static, credentials: { token: hunter22 } }\nroutes:\n  - { prefix: /a, upstream: "https://a.example", account: a }\n',
    );
    const { code, stdout } = await run(['check', '--json', '-c', config]);
    const { ok, warnings } = JSON.parse(stdout) as { ok: boolean; warnings: { code: string; line: number }[] };
    assert.deepEqual([code, ok, warnings.map((one) => [one.code, one.line])], [0, true, [['inline_secret', 2]]]);
  });
});
