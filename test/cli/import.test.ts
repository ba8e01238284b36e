import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { call } from '../support/call.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, type Finished } from '../support/process.ts';
import { sandboxConfigObject, startProxy, type RunningProxy } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';

describe('tokenward import', () => {
  const folder = freshFolder();
  let sandbox: Sandbox;
  let proxy: RunningProxy | undefined;
  beforeEach(async () => {
    sandbox = await startSandbox();
  });
  afterEach(async () => {
    await proxy?.stop();
    proxy = undefined;
    await sandbox.close();
  });

  const data = (): string => join(folder(), 'data');
  const imports = (account: string, input: string, env: NodeJS.ProcessEnv = {}): Promise<Finished> =>
    run(['import', account, '-c', writeConfig(folder(), sandboxConfigObject(sandbox, data()))], { input, env });
  const start = async (): Promise<RunningProxy> => (proxy = await startProxy(sandbox, { folder: data() }));
  const read = async (): Promise<number> => (await call(proxy!.url, '/crm/v1/licenses')).status;
  const tokenCalls = (): (string | null)[][] =>
    sandbox.ledger
      .entries({ vendor: 'chatapp', where: ({ kind }) => kind !== 'api' })
      .map(({ kind, outcome, refreshTokenId }) => [kind, outcome, refreshTokenId]);

  it('the next process spends the refresh token that was brought, and makes no login', async function () {
    requireBuild(this);
    const pair = sandbox.chatapp.issueToken();
    const { code, stdout } = await imports('crm', `${pair.refreshToken}\n`);
    assert.deepEqual([code, stdout], [0, 'crm: refresh token imported, generation 1; the next request spends it\n']);
    await start();
    assert.equal(await read(), 200);
    assert.deepEqual(tokenCalls(), [['refresh', 'ok', pair.id]]);
  });

  it('a running process takes it over at its next renewal', async function () {
    requireBuild(this);
    await start();
    assert.equal(await read(), 200);
    sandbox.chatapp.revokeRefresh();
    sandbox.chatapp.revokeAll();
    const pair = sandbox.chatapp.issueToken();
    assert.match((await imports('crm', pair.refreshToken)).stdout, /generation 2; the next request spends it/);
    assert.equal(await read(), 200);
    assert.deepEqual(tokenCalls(), [
      ['login', 'ok', null],
      ['refresh', 'ok', pair.id],
    ]);
  });

  it('takes the answer of a token endpoint as it is, and uses its access token first', async function () {
    requireBuild(this);
    const pair = sandbox.chatapp.issueToken();
    const answer = {
      access_token: pair.accessToken,
      refresh_token: pair.refreshToken,
      token_type: 'Bearer',
      expires_in: 3_600,
      scope: 'all',
    };
    const { code, stdout } = await imports('crm', JSON.stringify(answer, null, 2));
    assert.deepEqual(
      [code, stdout],
      [
        0,
        'crm: refresh token and access token imported, generation 1; the access token is used until it expires or is rejected, then the refresh token is spent\n',
      ],
    );
    await start();
    assert.equal(await read(), 200);
    assert.deepEqual(tokenCalls(), []);
    sandbox.chatapp.revokeCurrent();
    assert.equal(await read(), 200);
    assert.deepEqual(tokenCalls(), [['refresh', 'ok', pair.id]]);
  });

  it('revives an account whose credentials were refused', async function () {
    requireBuild(this);
    const right = sandbox.chatapp.accounts[0]!;
    sandbox.chatapp.accounts[0] = { ...right, password: 'another' };
    await start();
    assert.equal(await read(), 503);
    assert.equal((await imports('crm', sandbox.chatapp.issueToken().refreshToken)).code, 0);
    assert.equal(await read(), 200);
  });

  it('waits for a renewal that is under way, and goes on from its token', async function () {
    requireBuild(this);
    sandbox.chatapp.set({ loginMode: 'slow', slowMs: 2_000 });
    await start();
    const first = read();
    while (sandbox.ledger.count({ vendor: 'chatapp', kind: 'login' }) === 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const { code, stdout } = await imports('crm', sandbox.chatapp.issueToken().refreshToken);
    assert.deepEqual([code, stdout], [0, 'crm: refresh token imported, generation 2; the next request spends it\n']);
    assert.equal(await first, 200);
  });

  it('says that it has made a store, so that nobody imports into the wrong folder unawares', async function () {
    requireBuild(this);
    const { refreshToken } = sandbox.chatapp.issueToken();
    assert.match(
      (await imports('crm', refreshToken)).stderr,
      new RegExp(`There was no store in ${data()}, so it was made`),
    );
    assert.doesNotMatch((await imports('crm', refreshToken)).stderr, /There was no store/);
  });

  it('refuses an account it does not know, before it asks for anything', async function () {
    requireBuild(this);
    assert.deepEqual(await imports('crn', ''), {
      code: 2,
      stdout: '',
      stderr:
        'tokenward: there is no account of this name in the configuration; did you mean "crm"? Try: tokenward import --help\n',
    });
    assert.ok(!existsSync(data()));
  });

  it('refuses an account whose flow would never use it', async function () {
    requireBuild(this);
    const { code, stderr } = await imports('softline', 'some-refresh-token');
    assert.deepEqual(
      [code, stderr],
      [
        2,
        'tokenward: the flow softline has no refresh; an imported refresh token would never be used. Try: tokenward import --help\n',
      ],
    );
  });

  it('takes no token from the command line or the environment, and repeats none', async function () {
    requireBuild(this);
    const secret = 'refresh-5ecret-9f2c41';
    const argument = await run(['import', 'crm', secret]);
    assert.equal(argument.code, 2);
    const accepted = await imports('crm', secret, { REFRESH_TOKEN: secret });
    const spaced = await imports('crm', `${secret} and more`);
    const broken = await imports('crm', `{"refresh_token": "${secret}"`);
    assert.deepEqual([accepted.code, spaced.code, broken.code], [0, 2, 2]);
    for (const { stdout, stderr } of [argument, accepted, spaced, broken])
      assert.ok(!`${stdout}${stderr}`.includes('5ecret'));
  });

  it('leaves the lease behind for nobody', async function () {
    requireBuild(this);
    await imports('crm', sandbox.chatapp.issueToken().refreshToken);
    const store = EmbeddedStore.open(data(), { ownerIsGone: () => false, now: () => Date.now() });
    assert.equal(await store.acquireLease('crm', 'somebody', 1_000), true);
    await store.close();
  });
});
