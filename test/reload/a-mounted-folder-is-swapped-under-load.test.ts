import assert from 'node:assert/strict';
import { join } from 'node:path';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { mountAsKubelet } from '../support/kubelet-mount.ts';
import { sandboxConfigObject } from '../support/proxy.ts';
import { freshStage } from '../support/stage.ts';
import { startLoad } from '../workers/load.ts';

const NEW_PASSWORD = 'the-rotated-password';

describe('a ConfigMap and a Secret, swapped under load as the kubelet does it', function () {
  this.timeout(120_000);
  const stage = freshStage();

  it('no request fails; a new route is served, a bad file changes nothing, a rotated password is the one that is sent', async function () {
    const [folder, sandbox] = [stage.folder(), stage.sandbox()];
    const [config, secrets] = [join(folder, 'config'), join(folder, 'secrets')];
    const { accounts, ...whole } = sandboxConfigObject(sandbox, join(folder, 'store'));
    const crm = (accounts as Record<string, { credentials: object }>)['crm']!;
    const routes = [{ prefix: '/crm', upstream: sandbox.urls.chatapp, account: 'crm' }];
    const write = (text: string | object): void =>
      mountAsKubelet(config, {
        'proxy.config.yaml':
          typeof text === 'string'
            ? text
            : JSON.stringify({
                ...whole,
                watch: true,
                routes,
                accounts: {
                  crm: { ...crm, credentials: { ...crm.credentials, password: `\${file:${secrets}/password}` } },
                },
                ...text,
              }),
      });
    mountAsKubelet(secrets, { password: sandbox.credentials.chatapp.password });
    write({});
    const program = await stage.serve(this, join(config, 'proxy.config.yaml'));
    const applied = async (): Promise<string | undefined> => {
      const { text } = await call(program.operatorUrl, '/metrics');
      return /^tokenward_config_last_reload_successful (\d)$/m.exec(text)?.[1];
    };
    const statusOf = async (target: string): Promise<number> => (await call(program.url, target)).status;
    const load = startLoad(program.url, ['/crm/v1/licenses', '/crm/v1/me'], { keeping: 6, making: 2, pause: 20 });
    await eventually('there is load', () => sandbox.ledger.count({ kind: 'api' }) > 30);

    assert.equal(await statusOf('/added/v1/me'), 404);
    const added = { prefix: '/added', upstream: sandbox.urls.chatapp, account: 'crm' };
    write({ routes: [...routes, added] });
    await eventually('the new route is served', async () => (await statusOf('/added/v1/me')) === 200, 20_000);

    write('routes: [ { prefix: /crm, ');
    await eventually('the mistake shows', async () => (await applied()) === '0', 20_000);
    assert.equal(await statusOf('/added/v1/me'), 200);

    write({ routes: [...routes, added] });
    await eventually('the correction is taken over', async () => (await applied()) === '1', 20_000);

    // The vendor takes the new password only, and the Secret has it; then both tokens end.
    sandbox.chatapp.accounts[0]!.password = NEW_PASSWORD;
    mountAsKubelet(secrets, { password: NEW_PASSWORD });
    sandbox.chatapp.revokeRefresh();
    sandbox.chatapp.revokeAll();
    await eventually('it logs in again', () => sandbox.ledger.count({ kind: 'login', outcome: 'ok' }) === 2, 20_000);
    await eventually('it is served', async () => (await statusOf('/crm/v1/me')) === 200);

    const results = await load.stop();
    assert.deepEqual([...results.keys()], ['200'], JSON.stringify([...results]));
    assert.ok(results.get('200')! > 200, `only ${results.get('200')!} requests`);
    // Before it has noticed that the file is another, it may send the former password, once.
    assert.ok(sandbox.ledger.count({ kind: 'login' }) <= 3);
    assert.equal(await program.end(), 0);
  });
});
