import { TO_ACCOUNT } from './frame.ts';
import { bars, field, graph, type Panel } from './panels.ts';
import { CHOSEN, count, of, orZero } from './queries.ts';

/* Panels about accounts, which the fleet's dashboard and that of accounts share. */

const series = (metric: string, ...more: readonly string[]): string => of(metric, CHOSEN.account, ...more);

/** The states from bad to good, as numbers that a panel can show the largest of. */
const STATES = {
  dead: [6, 'red'],
  out_of_logins: [5, 'red'],
  down: [4, 'red'],
  degraded: [3, 'orange'],
  renewing: [2, 'blue'],
  unused: [1, 'text'],
  working: [0, 'green'],
} as const;

export function state(width: number, height: number): Panel {
  const each = Object.entries(STATES).map(
    ([name, [value]]) => `${series('tokenward_account_state', `state="${name}"`)} * ${value}`,
  );
  return field({
    title: 'State',
    description:
      'The worst state that a replica reports for the account. dead: a person must act. out_of_logins and down: its ' +
      'requests fail. degraded: renewal fails, but the token in use is still accepted.',
    queries: { '{{account}}': `max by (account) (\n  ${each.join('\n  or ')}\n)` },
    width,
    height,
    steps: [
      [null, 'green'],
      [3, 'orange'],
      [4, 'red'],
    ],
    words: Object.fromEntries(Object.entries(STATES).map(([name, [value, color]]) => [value, [name, color]])),
    noValue: 'no accounts',
    links: [TO_ACCOUNT],
  });
}

export function ready(width: number, height: number): Panel {
  return field({
    title: 'Ready to serve',
    description: 'No: every replica reports the account as dead, out_of_logins or down.',
    queries: { '{{account}}': `max by (account) (${series('tokenward_account_ready')})` },
    width,
    height,
    steps: [
      [null, 'red'],
      [1, 'green'],
    ],
    words: { 0: ['no'], 1: ['yes'] },
    noValue: 'no accounts',
    links: [TO_ACCOUNT],
  });
}

export function expiry(width: number, height: number): Panel {
  return field({
    title: 'Token expires in',
    description: 'A negative value is normal for an idle account: its token is renewed at its next request.',
    queries: {
      '{{account}}': `max by (account) (${series('tokenward_token_expiry_timestamp_seconds')} > 0) - time()`,
    },
    unit: 's',
    decimals: 0,
    width,
    height,
    steps: [
      [null, 'orange'],
      [0, 'yellow'],
      [900, 'green'],
    ],
    noValue: 'no expiry known',
    links: [TO_ACCOUNT],
  });
}

export function budgets(width: number, height: number): Panel {
  const part = (left: string, limit: string): string =>
    `min by (account) (${series(left)})\n/ (max by (account) (${series(limit)}) > 0)`;
  return bars({
    title: 'Logins left',
    description:
      "Logins left in the rolling window, automatic ones and the operators' reserve, and what is left of budgets of " +
      'renewals. Without automatic logins, requests fail once the current token cannot be used.',
    queries: {
      '{{account}}': part('tokenward_login_budget_remaining', 'tokenward_login_budget_limit'),
      '{{account}} reserve': part('tokenward_login_reserve_remaining', 'tokenward_login_reserve_limit'),
      '{{account}} renewals':
        `min by (account) (${series('tokenward_renewal_budget_remaining')} / ` +
        `(${series('tokenward_renewal_budget_limit')} > 0))`,
    },
    width,
    height,
    steps: [
      [null, 'red'],
      [0.001, 'orange'],
      [0.3, 'green'],
    ],
    noValue: 'no budgets',
    links: [TO_ACCOUNT],
  });
}

export function renewals(width: number, height: number): Panel {
  return graph({
    title: 'Renewals by account, kind and outcome',
    description:
      'granted: a new token. refused: the credentials or the refresh token are wrong. busy: the endpoint asked to ' +
      'try later. impossible: the configuration is wrong. failed: anything else.',
    queries: {
      '{{account}} {{kind}} {{outcome}}': orZero(count('account, kind, outcome', series('tokenward_renewals_total'))),
    },
    unit: 'short',
    decimals: 0,
    width,
    height,
    bars: true,
    colors: { '.* refused': 'red', '.* failed': 'orange' },
    links: [TO_ACCOUNT],
  });
}
