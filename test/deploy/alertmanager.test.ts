import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freshFolder } from '../support/files.ts';
import { requireTool } from '../support/tools.ts';
import { startAlertmanager } from './alertmanager.ts';
import { alerts } from './chart.ts';
import { ALERTMANAGER, INHIBIT_RULES, notSilenced, type Labels } from './inhibition.ts';

const run = promisify(execFile);

/** Labels as the rules give them: those of an account, a route, or a process. */
const about = (alertname: string, labels: Labels): Labels => ({
  alertname,
  job: 'tokenward',
  namespace: 'egress',
  severity: alerts().find(({ alert }) => alert === alertname)!.labels['severity']!,
  ...labels,
});

/** What fires, and whom people are told of. */
const SITUATIONS: Readonly<Record<string, { fires: readonly Labels[]; told: readonly string[] }>> = {
  'the store is unusable': {
    fires: [
      about('TokenwardStoreUnusable', { instance: 'a' }),
      about('TokenwardStoreErrors', { instance: 'a', reason: 'write' }),
      about('TokenwardRenewalsFailing', { account: 'crm', flow: 'chatapp', kind: 'refresh' }),
      about('TokenwardTokenExpiring', { account: 'crm', flow: 'chatapp' }),
      about('TokenwardAvailabilityBurnsFast', { account: 'crm', route: '/crm' }),
    ],
    told: ['TokenwardStoreUnusable'],
  },
  'an account is dead': {
    fires: [
      about('TokenwardCredentialDead', { account: 'crm', flow: 'chatapp' }),
      about('TokenwardAvailabilityBurnsFast', { account: 'crm', route: '/crm' }),
      about('TokenwardAvailabilityBurnsSlowly', { account: 'crm', route: '/crm' }),
      // Of another account: it is not a symptom of this one.
      about('TokenwardAvailabilityBurnsFast', { account: 'twin', route: '/twin' }),
    ],
    told: ['TokenwardAvailabilityBurnsFast', 'TokenwardCredentialDead'],
  },
  'an account is down': {
    fires: [
      about('TokenwardAccountDown', { account: 'crm', flow: 'chatapp' }),
      about('TokenwardRenewalsFailing', { account: 'crm', flow: 'chatapp', kind: 'refresh' }),
      about('TokenwardCallersWaiting', { account: 'crm' }),
    ],
    told: ['TokenwardAccountDown'],
  },
  'an account is out of logins': {
    fires: [
      about('TokenwardOutOfLogins', { account: 'crm', flow: 'chatapp' }),
      about('TokenwardLoginBudgetExhausted', { account: 'crm', flow: 'chatapp' }),
      about('TokenwardAvailabilityBurnsFast', { account: 'crm', route: '/crm' }),
    ],
    told: ['TokenwardOutOfLogins'],
  },
  'one of two processes is gone': {
    fires: [
      about('TokenwardTargetDown', { instance: 'a' }),
      about('TokenwardEventLoopLag', { instance: 'a' }),
      about('TokenwardEventLoopLag', { instance: 'b' }),
    ],
    told: ['TokenwardEventLoopLag', 'TokenwardTargetDown'],
  },
  'the upstream is down': {
    fires: [
      about('TokenwardUpstreamFailing', { route: '/crm', reason: 'upstream_timeout' }),
      about('TokenwardUpstreamSlow', { route: '/crm' }),
      about('TokenwardErrorRateHigh', { route: '/crm' }),
    ],
    told: ['TokenwardUpstreamFailing'],
  },
};

describe('the Alertmanager configuration', function () {
  this.timeout(30_000);
  const folder = freshFolder();

  it('is valid', async function () {
    await run(requireTool(this, 'amtool'), ['check-config', ALERTMANAGER]);
  });

  it('names only alerts that there are', () => {
    const names = alerts().map(({ alert }) => alert);
    for (const rule of INHIBIT_RULES)
      for (const [, prefix, group, rest] of [...rule.source_matchers, ...rule.target_matchers].flatMap((matcher) => [
        ...matcher.matchAll(/^alertname=~?"(\w+?)(?:\(([^)]+)\))?(\w*)"$/g),
      ]))
        for (const part of (group ?? '').split('|'))
          assert.ok(names.includes(`${prefix!}${part}${rest!}`), `${prefix!}${part}${rest!}`);
  });

  it('lets a cause silence its symptoms, in a real Alertmanager', async function () {
    const alertmanager = await startAlertmanager(requireTool(this, 'prometheus-alertmanager'), folder());
    try {
      // One namespace for each situation, so that they do not meet.
      const all = Object.entries(SITUATIONS).flatMap(([namespace, { fires }]) =>
        fires.map((labels) => ({ ...labels, namespace })),
      );
      const told = await alertmanager.told(all);
      for (const [namespace, { told: wanted }] of Object.entries(SITUATIONS)) {
        const names = told.filter((labels) => labels['namespace'] === namespace).map((labels) => labels['alertname']!);
        assert.deepEqual(names.sort(), wanted, namespace);
      }
      // The tests of situations judge by our reading of these rules: it must be Alertmanager's.
      const key = (labels: Labels): string => JSON.stringify(Object.entries(labels).sort());
      assert.deepEqual(told.map(key).sort(), notSilenced(all).map(key).sort());
    } finally {
      await alertmanager.stop();
    }
  });
});
