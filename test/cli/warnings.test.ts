import assert from 'node:assert/strict';
import { join } from 'node:path';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, serve } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const CRM = { flow: 'chatapp', credentials: { email: 'a@b.example', password: '${CRM_PASSWORD}', appId: '1' } };

const ENVIRONMENT = { CRM_PASSWORD: 'hunter2' };

describe('a configuration that is allowed and hardly meant', () => {
  const folder = freshFolder();
  const file = (): string =>
    writeConfig(folder(), {
      listen: { port: 0 },
      operator: { port: 0 },
      store: { type: 'embedded', path: join(folder(), 'data') },
      accounts: { crm: CRM, crm2: CRM },
      routes: [
        { prefix: '/crm', upstream: 'https://crm.example', account: 'crm' },
        { prefix: '/crm2', upstream: 'https://crm.example', account: 'crm2' },
      ],
    });

  it('is warned of by check, which says that it is fine all the same', async function () {
    requireBuild(this);
    const { code, stdout, stderr } = await run(['check', '-c', file()], { env: ENVIRONMENT });
    assert.equal(code, 0);
    assert.match(stdout, / is fine\.\n/);
    assert.match(
      stderr,
      /^warning: \S+:1:\d+: accounts\.crm2: is the same login at the upstream as account crm: .*Use one account on both routes\n/,
    );
    assert.ok(!stderr.includes('hunter2'));
  });

  it('is warned of in the log when tokenward starts', async function () {
    requireBuild(this);
    const served = await serve(['-c', file()], ENVIRONMENT);
    await served.end();
    const warnings = served
      .output()
      .stderr.split('\n')
      .filter((line) => line.includes('the configuration is probably not as intended'));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /account crm:/);
    assert.match(warnings[0]!, /accounts\.crm2/);
  });
});
