import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, type Finished } from '../support/process.ts';
import { sandboxConfigObject, startProxy, type ConfigObject } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';
import { tokenCalls, VENDORS } from '../support/world.ts';

describe('tokenward store prune', () => {
  const folder = freshFolder();
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox();
  });
  afterEach(() => sandbox.close());

  const data = (): string => join(folder(), 'data');
  const without = (...accounts: readonly string[]): ConfigObject => {
    const base = sandboxConfigObject(sandbox, data());
    const kept = Object.entries(base['accounts'] as object).filter(([name]) => !accounts.includes(name));
    return {
      ...base,
      accounts: Object.fromEntries(kept),
      routes: (base['routes'] as { account: string }[]).filter(({ account }) => !accounts.includes(account)),
    };
  };
  const prune = (config: ConfigObject, ...options: string[]): Promise<Finished> =>
    run(['store', 'prune', '-c', writeConfig(folder(), config), ...options]);
  /** Every vendor is asked once through a tokenward of its own. */
  const use = async (): Promise<void> => {
    const proxy = await startProxy(sandbox, { folder: data() });
    for (const { read } of VENDORS) assert.equal((await call(proxy.url, read)).status, 200);
    await proxy.stop();
  };

  it('removes the records of accounts that are no longer configured, and leaves the others', async function () {
    requireBuild(this);
    await use();
    const { code, stdout, stderr } = await prune(without('twin'));
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^record\/twin +generation 1\n1 removed: no account of the configuration owns it\n$/);
    await use();
    assert.deepEqual(
      VENDORS.map(({ vendor }) => tokenCalls(sandbox, vendor)),
      [1, 1, 2],
    );
  });

  it('only says what it would do, and does nothing: --dry-run', async function () {
    requireBuild(this);
    await use();
    assert.match((await prune(without('twin'), '--dry-run')).stdout, /1 to be removed/);
    await use();
    assert.deepEqual(
      VENDORS.map(({ vendor }) => tokenCalls(sandbox, vendor)),
      [1, 1, 1],
    );
  });

  it('finds nothing where every record has its account', async function () {
    requireBuild(this);
    await use();
    const { code, stdout } = await prune(without());
    assert.deepEqual(
      [code, stdout],
      [0, 'Nothing to remove: every record belongs to an account of the configuration.\n'],
    );
  });

  it('makes no store where there is none', async function () {
    requireBuild(this);
    const { code, stderr } = await prune(without());
    assert.deepEqual([code, stderr], [1, `tokenward: There is no store in ${data()}, so there is nothing to prune.\n`]);
  });
});
