import assert from 'node:assert/strict';
import { StoreError } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { eventually } from '../support/eventually.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, type Finished } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { freshWorld, withAccount } from '../support/world.ts';
import { alerts } from './chart.ts';
import { readRunbook } from './runbook.ts';

/** Every command that an alert's texts name, as `alert: command`. */
const COMMANDS = alerts().flatMap(({ alert, annotations }) =>
  [
    ...new Set(
      Object.values(annotations).flatMap((text) =>
        [...text.matchAll(/`(tokenward [^`]+)`/g)].map(([, command]) => command!),
      ),
    ),
  ].map((command) => `${alert}: ${command}`),
);

/** Whether the alert's runbook has the command in a block; runbooks.test.ts runs those. */
function isInRunbook(line: string): boolean {
  const [alert, command] = line.split(': ', 2) as [string, string];
  const { check, fix } = readRunbook(alert);
  return `${check}\n${fix}`.includes(command.replace(' {{ $labels.account }}', ' crm'));
}

const RENEW = 'tokenward renew {{ $labels.account }}';
const CRM = '/crm/v1/licenses';
const TWIN = '/twin/iam/api/v1/users/me';
const SIX_LOGINS = { budget: { logins: 8, per: 86_400, reserve: 2 } };

describe("the commands in the alerts' texts", function () {
  this.timeout(60_000);
  const folder = freshFolder();
  const world = freshWorld({ config: withAccount('crm', SIX_LOGINS) });
  const covered = new Set<string>();

  /** Runs what an alert says, as somebody would type it. */
  const typed = (command: string, account = ''): Promise<Finished> => {
    const words = command.replace('{{ $labels.account }}', account).split(' ');
    return run(words.slice(1), { env: { TOKENWARD_OPERATOR: world().proxy.operatorUrl }, cwd: folder() });
  };
  /** A test of one command of one alert. */
  const does = (
    alert: string,
    command: string,
    what: string,
    body: (context: Mocha.Context) => Promise<void>,
  ): void => {
    covered.add(`${alert}: ${command}`);
    it(`${alert}: ${command} ${what}`, async function () {
      requireBuild(this);
      await body(this);
    });
  };

  const wrongPassword = async (): Promise<() => void> => {
    const { sandbox, call } = world();
    const right = sandbox.twin.accounts[0]!;
    sandbox.twin.accounts[0] = { ...right, password: 'another' };
    assert.equal((await call(TWIN)).status, 503);
    return () => void (sandbox.twin.accounts[0] = right);
  };
  /** All automatic logins are spent; the last token still serves. */
  const budgetGone = async (): Promise<void> => {
    const { sandbox, proxy } = world();
    sandbox.chatapp.set({ refreshTokenInAnswer: 'omit', loginPatch: { 'data.refreshToken': undefined } });
    // Not by the command: it renews an account once in ten seconds.
    for (let index = 0; index < 6; index += 1) await proxy.app.tokens.renewNow('crm');
  };
  const outOfLogins = async (): Promise<void> => {
    await budgetGone();
    world().sandbox.chatapp.revokeCurrent();
    assert.equal((await world().call(CRM)).status, 503);
  };
  const endpointDown = async (): Promise<() => void> => {
    const { sandbox, call } = world();
    await call(TWIN);
    sandbox.twin.set({ refreshMode: 'status-500', loginMode: 'status-500' });
    sandbox.twin.revokeCurrent();
    assert.equal((await call(TWIN)).status, 503);
    assert.equal((await call(TWIN)).status, 503);
    return () => sandbox.twin.set({ refreshMode: 'normal', loginMode: 'normal' });
  };

  does('TokenwardCredentialDead', 'tokenward status', 'shows what the endpoint said', async () => {
    await wrongPassword();
    assert.match((await typed('tokenward status')).stdout, /^twin +twin +dead +.*refused the login \(status 401\)/m);
  });
  does('TokenwardCredentialDead', RENEW, 'revives the account if the credentials are right after all', async () => {
    const correct = await wrongPassword();
    correct();
    assert.equal((await typed(RENEW, 'twin')).code, 0);
    assert.equal((await world().call(TWIN)).status, 200);
  });

  does('TokenwardOutOfLogins', 'tokenward status', 'shows how many are left in reserve, in brackets', async () => {
    await outOfLogins();
    assert.match(
      (await typed('tokenward status')).stdout,
      /^crm +chatapp +out_of_logins +6 +refused +0 of 6 \(\+2\) /m,
    );
  });
  does('TokenwardOutOfLogins', `${RENEW} --use-reserve`, 'gets the account a token', async () => {
    await outOfLogins();
    assert.notEqual((await typed(RENEW, 'crm')).code, 0, 'without the reserve there is none');
    assert.equal((await typed(`${RENEW} --use-reserve`, 'crm')).code, 0);
    assert.equal((await world().call(CRM)).status, 200);
  });

  does('TokenwardLoginBudgetExhausted', 'tokenward status', 'shows who has no logins left', async () => {
    await budgetGone();
    // Node's Date field lags by up to a second, and a life is counted from it.
    const seen = /^crm +chatapp +\w+ +6 +(?:23 h 59|24 h 0) min +0 of 6 \(\+2\)/m;
    assert.match((await typed('tokenward status')).stdout, seen);
  });
  does('TokenwardLoginBudgetExhausted', `${RENEW} --use-reserve`, 'spends one login of the reserve', async () => {
    await budgetGone();
    assert.equal((await typed(`${RENEW} --use-reserve`, 'crm')).code, 0);
    assert.match((await typed('tokenward status')).stdout, / 0 of 6 \(\+1\)/);
  });

  does('TokenwardAccountDown', 'tokenward status', 'shows why, and when the next try is', async () => {
    await endpointDown();
    // While a try is being made, there is no next one yet.
    const seen = /^twin +twin +down +1 +refused +- +.*status_5xx.*; next try in \d+ (s|min)$/m;
    await eventually('it says so', async () => seen.test((await typed('tokenward status')).stdout), 20_000);
  });
  does('TokenwardAccountDown', RENEW, "tries at once, whatever the next try's time is", async () => {
    const recover = await endpointDown();
    recover();
    assert.equal((await typed(RENEW, 'twin')).code, 0);
    assert.equal((await world().call(TWIN)).status, 200);
  });

  does('TokenwardStoreUnusable', 'tokenward status', 'shows since when and why', async () => {
    const { check } = EmbeddedStore.prototype;
    EmbeddedStore.prototype.check = () =>
      Promise.reject(new StoreError('The store cannot be written: read-only file system.'));
    try {
      assert.match(
        (await typed('tokenward status')).stdout,
        /^The token store has been unusable for \d+ s: The store cannot be written: read-only file system\./,
      );
    } finally {
      EmbeddedStore.prototype.check = check;
    }
  });

  for (const alert of ['TokenwardConfigReloadFailed', 'TokenwardTargetDown']) {
    does(alert, 'tokenward check', 'names every error with its line', async () => {
      writeConfig(
        folder(),
        'accounts:\n  crm: { flow: chatap }\nroutes:\n  - { prefix: crm, upstream: "https://a.example", account: crm }\nlimitz: {}\n',
      );
      const { code, stderr } = await typed('tokenward check');
      assert.equal(code, 2);
      for (const line of [/:2:16: .*flow/, /:4:15: .*prefix/, /:5:1: .*limitz/]) assert.match(stderr, line);
    });
  }

  it('are all of them tested here', () => {
    assert.deepEqual(
      COMMANDS.filter((command) => !covered.has(command) && !isInRunbook(command)),
      [],
    );
    assert.deepEqual(
      [...covered].filter((command) => !COMMANDS.includes(command)),
      [],
    );
  });
});
