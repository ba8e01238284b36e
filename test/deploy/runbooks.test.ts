import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { StoreError } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { eventually } from '../support/eventually.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { requireBuild, requireTool } from '../support/tools.ts';
import { both, freshWorld, withAccount, type World } from '../support/world.ts';
import { alerts } from './chart.ts';
import { missingIn, readRunbook, typed } from './runbook.ts';

const CRM = '/crm/v1/licenses';
const TWIN = '/twin/iam/api/v1/users/me';

/**
 * Situations that runbook-situations.test.ts provokes, each with a stage of its own. What "Fix" types for systemd, the
 * kernel's log or Kubernetes (TokenwardConfigsDiffer, TokenwardRestarts, TokenwardWorkerCrashes) is not run there.
 */
const REHEARSED_APART = [
  'TokenwardUpstreamSlow',
  'TokenwardCertificateExpiring',
  'TokenwardConfigsDiffer',
  'TokenwardAccessLinesDropped',
  'TokenwardClientsDistrustAuthority',
  'TokenwardWorkerCrashes',
  'TokenwardRestarts',
];

/** Situations that are not provoked, with the reason. Their commands are checked for their form only. */
const NOT_REHEARSED: Readonly<Record<string, string>> = {
  TokenwardRefreshTokenExpiring:
    'no refresh token of the sandbox is about to end; import and connect are tested in test/cli',
  TokenwardAbsent: 'it is about Prometheus and Kubernetes; test/deploy/alerts.test.ts checks the scrape example',
};

interface Rehearsal {
  /** Makes the situation. */
  provoke(world: World, folder: string): Promise<void>;
  /** What a person does between "Check" and "Fix", such as to correct a password. */
  readonly deed?: (world: World, folder: string) => void;
  /** Part of what the commands of "Fix" print. */
  readonly fixed: RegExp;
  /** Sees that it has ended, or that the next step is reached. */
  readonly ends?: (world: World) => Promise<void>;
}

const answers =
  (target: string, status = 200) =>
  async ({ call }: World): Promise<void> => {
    assert.equal((await call(target)).status, status);
  };
const times = async ({ call }: World, count: number, target: string): Promise<void> => {
  for (let index = 0; index < count; index += 1) await call(target);
};
const loginsOnly = ({ sandbox }: World): void =>
  sandbox.chatapp.set({ refreshTokenInAnswer: 'omit', loginPatch: { 'data.refreshToken': undefined } });
const renewCrm = async (world: World, count: number, useReserve = false): Promise<void> => {
  loginsOnly(world);
  for (let index = 0; index < count; index += 1) await world.proxy.app.tokens.renewNow('crm', { useReserve });
};
/** The credentials of `twin` are refused. */
const wrongPassword = async (world: World): Promise<void> => {
  const { sandbox } = world;
  const right = sandbox.twin.accounts[0]!;
  sandbox.twin.accounts[0] = { ...right, password: 'another' };
  await times(world, 1, TWIN);
  sandbox.twin.accounts[0] = right;
};
/** The token of `twin` cannot be renewed. */
const endpointFails = async (world: World, token: 'good' | 'rejected'): Promise<void> => {
  const { sandbox, proxy } = world;
  await times(world, 1, TWIN);
  sandbox.twin.set({ refreshMode: 'status-500', loginMode: 'status-500' });
  if (token === 'good') {
    await proxy.app.tokens.renewNow('twin').catch(() => undefined);
    return;
  }
  sandbox.twin.revokeCurrent();
  await times(world, 2, TWIN);
};
const endpointWorks = ({ sandbox }: World): void => sandbox.twin.set({ refreshMode: 'normal', loginMode: 'normal' });

const { check, acquireLease } = EmbeddedStore.prototype;
const broken = (): Promise<never> =>
  Promise.reject(new StoreError('The store cannot be written: read-only file system.'));
const storeWorks = (): void => void Object.assign(EmbeddedStore.prototype, { check, acquireLease });

const config = (first: string): string =>
  `accounts:\n  crm: { flow: ${first} }\nroutes:\n  - { prefix: /crm, upstream: "https://a.example", account: crm }\n`;
const right = config('static, credentials: { token: t }');

const REHEARSALS: Readonly<Record<string, Rehearsal>> = {
  TokenwardCredentialDead: {
    provoke: wrongPassword,
    fixed: /^twin has a new token/m,
    ends: answers(TWIN),
  },
  TokenwardOutOfLogins: {
    provoke: async (world) => {
      await renewCrm(world, 6);
      world.sandbox.chatapp.revokeCurrent();
      await times(world, 1, CRM);
    },
    fixed: /^crm has a new token, generation 7/m,
    ends: answers(CRM),
  },
  TokenwardLoginBudgetExhausted: {
    provoke: (world) => renewCrm(world, 6),
    fixed: /^crm has a new token, generation 7/m,
    ends: answers(CRM),
  },
  TokenwardLoginBudgetLow: {
    provoke: (world) => renewCrm(world, 5),
    fixed: /^crm .* 1 of 6 \(\+2\)/m,
  },
  TokenwardRenewalBudgetExhausted: {
    provoke: async ({ proxy }) => {
      for (let index = 0; index < 2; index += 1) await proxy.app.tokens.renewNow('softline');
    },
    fixed: /"retryAt": \d+/,
    ends: answers('/softline/v1/order/7'),
  },
  TokenwardReserveSpent: {
    provoke: async (world) => {
      await renewCrm(world, 6);
      await renewCrm(world, 2, true);
    },
    fixed: /^tokenward_login_budget_remaining\{account="crm",flow="chatapp"\} 0$/m,
    ends: answers(CRM),
  },
  TokenwardAccountDown: {
    provoke: (world) => endpointFails(world, 'rejected'),
    deed: endpointWorks,
    fixed: /^twin has a new token/m,
    ends: answers(TWIN),
  },
  TokenwardTokenExpiring: {
    provoke: (world) => endpointFails(world, 'good'),
    deed: endpointWorks,
    fixed: /^twin has a new token/m,
    ends: answers(TWIN),
  },
  TokenwardRenewalsFailing: {
    provoke: (world) => endpointFails(world, 'good'),
    deed: endpointWorks,
    fixed: /^twin has a new token/m,
    ends: answers(TWIN),
  },
  TokenwardReplayNotCuring: {
    provoke: async (world) => {
      await times(world, 1, CRM);
      world.sandbox.chatapp.set({ alwaysDead: true });
      await times(world, 4, CRM);
    },
    fixed: /^x-tokenward-replay: held-back/im,
  },
  TokenwardTokensDieEarly: {
    provoke: async (world) => {
      for (let index = 0; index < 3; index += 1) {
        await times(world, 1, TWIN);
        world.sandbox.twin.revokeCurrent();
      }
      await times(world, 1, TWIN);
    },
    fixed: /^tokenward_token_generation\{account="twin",flow="twin"\} 4$/m,
    ends: answers(TWIN),
  },
  TokenwardCallersWaiting: {
    provoke: async (world) => {
      world.sandbox.twin.set({ loginDelayMs: 4_000 });
      void world.call(TWIN).catch(() => undefined);
      await eventually('it waits', () => world.proxy.app.tokens.status().some(({ waiting }) => waiting === 1));
    },
    fixed: /^tokenward_renewal_duration_seconds_count\{/m,
  },
  TokenwardUpstreamFailing: {
    provoke: (world) => times(world, 1, '/away/x'),
    fixed: /the upstream does not answer/,
  },
  TokenwardErrorRateHigh: {
    provoke: async (world) => {
      await wrongPassword(world);
      await times(world, 3, TWIN);
    },
    fixed: /^x-tokenward-error: credential_dead/im,
  },
  TokenwardTooManyRequests: {
    provoke: async (world) => {
      const { sandbox, call } = world;
      await call('/softline/v1/order/7');
      void call('/softline/v1/sandbox/hang').catch(() => undefined);
      await eventually('it is under way', () => sandbox.ledger.count({ vendor: 'softline', kind: 'api' }) === 2);
      await times(world, 2, TWIN);
    },
    fixed: /reason="too_many_requests"\} 2$/m,
  },
  TokenwardAvailabilityBurnsFast: {
    provoke: wrongPassword,
    fixed: /^twin .* dead /m,
  },
  TokenwardAvailabilityBurnsSlowly: {
    provoke: wrongPassword,
    fixed: /^twin .* dead /m,
  },
  TokenwardStoreUnusable: {
    provoke: async () => {
      EmbeddedStore.prototype.check = broken;
    },
    deed: storeWorks,
    fixed: /"ready": ?true/,
  },
  TokenwardStoreErrors: {
    provoke: async (world) => {
      EmbeddedStore.prototype.acquireLease = broken;
      await times(world, 1, TWIN);
    },
    deed: storeWorks,
    fixed: /"ready": ?true/,
    ends: (world) => eventually('it renews again', async () => (await world.call(TWIN)).status === 200, 30_000),
  },
  TokenwardConfigReloadFailed: {
    provoke: async (_world, folder) => void writeConfig(folder, config('chatap')),
    deed: (_world, folder) => void writeConfig(folder, right),
    fixed: /ok|account/i,
  },
  TokenwardEventLoopLag: {
    provoke: async () => {
      const end = performance.now() + 300;
      while (performance.now() < end);
    },
    fixed: /^process_cpu_seconds_total/m,
  },
  TokenwardTargetDown: {
    provoke: async ({ proxy }, folder) => {
      await proxy.app.stop({ idleMs: 0 });
      writeConfig(folder, right);
    },
    fixed: /ok|account/i,
  },
};

describe('the runbooks', function () {
  this.timeout(60_000);
  const folder = freshFolder();

  it('are one for each alert, and each alert leads to its own', () => {
    const names = alerts().map(({ alert }) => alert);
    const pages = readdirSync('docs/runbooks').filter((name) => name !== 'README.md');
    assert.deepEqual(pages.sort(), names.map((name) => `${name}.md`).sort());
    for (const { alert, annotations } of alerts()) {
      assert.equal(annotations['runbook_url'], `docs/runbooks/${alert}.md`);
      assert.ok(existsSync(annotations['runbook_url']));
      assert.ok(
        readRunbook(alert).text.startsWith(
          `# ${alert}\n\n**${alerts().find((one) => one.alert === alert)!.labels['severity']!}.** `,
        ),
      );
    }
  });

  it('are rehearsed, or are listed with the reason why not', () => {
    const names = alerts().map(({ alert }) => alert);
    assert.deepEqual(
      [...Object.keys(REHEARSALS), ...REHEARSED_APART, ...Object.keys(NOT_REHEARSED)].sort(),
      [...names].sort(),
    );
  });

  it('hold commands that bash can read', async () => {
    for (const { alert } of alerts()) {
      const { check, fix } = readRunbook(alert);
      const { code, printed } = await typed(`bash -n <<'RUNBOOK'\n${check}\n${fix}\nRUNBOOK`, folder(), {});
      assert.equal(code, 0, `${alert}: ${printed}`);
    }
  });

  describe('rehearsed', () => {
    const world = freshWorld({
      config: both(
        withAccount('crm', { budget: { logins: 8, per: 86_400, reserve: 2 } }),
        withAccount('softline', { budget: [{ renewals: 2, per: '10m' }] }),
        (base) => ({
          ...base,
          limits: { inFlight: 1 },
          routes: [
            ...(base['routes'] as object[]),
            { prefix: '/away', upstream: 'http://127.0.0.1:1', account: 'twin' },
          ],
        }),
      ),
    });
    afterEach(storeWorks);

    for (const [alert, { provoke, deed, fixed, ends }] of Object.entries(REHEARSALS)) {
      it(`${alert}: what to check shows it, and what to do ends it or leads on`, async function () {
        requireBuild(this);
        requireTool(this, 'curl');
        const { check: commands, prints, fix } = readRunbook(alert);
        const env = { TOKENWARD_OPERATOR: world().proxy.operatorUrl, TOKENWARD: world().proxy.url };
        await provoke(world(), folder());
        const { printed } = await typed(commands, folder(), env);
        assert.deepEqual(missingIn(printed, prints), [], printed);
        deed?.(world(), folder());
        const done = await typed(fix.replace('https://api.example.com/', 'http://127.0.0.1:1/'), folder(), env);
        assert.equal(done.code, 0, done.printed);
        assert.match(done.printed, fixed);
        await ends?.(world());
      });
    }
  });
});
