import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { budgets, expiry, ready, renewals, state } from './accounts.ts';
import { frame, TO_ROUTE } from './frame.ts';
import { field, graph, row, type Panel } from './panels.ts';
import { CHOSEN, count, of, orZero, quantile, rate } from './queries.ts';

const series = (metric: string, ...more: readonly string[]): string => of(metric, CHOSEN.account, ...more);

const now: readonly Panel[] = [
  state(6, 5),
  ready(4, 5),
  expiry(5, 5),
  field({
    title: 'Refresh token expires in',
    description:
      'Only where the token endpoint says so. Without a login, only a person can get another: import or connect it in time.',
    queries: {
      '{{account}}': `max by (account) (${series('tokenward_refresh_token_expiry_timestamp_seconds')} > 0) - time()`,
    },
    unit: 's',
    decimals: 0,
    width: 5,
    height: 5,
    steps: [
      [null, 'red'],
      [259_200, 'orange'],
      [604_800, 'green'],
    ],
    noValue: 'not known',
  }),
  field({
    title: 'Next try in',
    description: 'When a renewal that failed is tried again. "-": nothing waits.',
    queries: {
      '{{account}}': `max by (account) (${series('tokenward_renewal_next_try_timestamp_seconds')} > 0) - time()`,
    },
    unit: 's',
    decimals: 0,
    width: 4,
    height: 5,
    steps: [[null, 'blue']],
    noValue: '-',
  }),
];

const logins: readonly Panel[] = [
  budgets(8, 8),
  graph({
    title: 'Logins in 24 h against the budget',
    description: 'Logins attempted, whatever their outcome, and the logins that the budget still allows.',
    queries: {
      '{{account}} logins': orZero(
        `sum by (account) (increase(${series('tokenward_renewals_total', 'kind="login"')}[24h]))`,
      ),
      '{{account}} left': orZero(`min by (account) (${series('tokenward_login_budget_remaining')})`),
      '{{account}} limit': orZero(`max by (account) (${series('tokenward_login_budget_limit')})`),
      '{{account}} in reserve': orZero(`min by (account) (${series('tokenward_login_reserve_remaining')})`),
      '{{account}} reserved': orZero(`max by (account) (${series('tokenward_login_reserve_limit')})`),
    },
    unit: 'short',
    width: 8,
    height: 8,
  }),
  graph({
    title: 'Renewals left, by window',
    description: 'Renewals (logins and refreshes) that a budget of renewals still allows, by the length of its window.',
    queries: {
      '{{account}} in {{per}} s': orZero(`min by (account, per) (${series('tokenward_renewal_budget_remaining')})`),
      '{{account}} limit in {{per}} s': orZero(`max by (account, per) (${series('tokenward_renewal_budget_limit')})`),
    },
    unit: 'short',
    width: 8,
    height: 8,
  }),
];

const tokens: readonly Panel[] = [
  renewals(12, 8),
  graph({
    title: 'Why renewals fail',
    description: '0 if all renewals succeed. dead, cooldown, budget, lost_login: nothing was sent.',
    queries: {
      '{{account}} {{kind}} {{reason}}': orZero(
        count('account, kind, reason', series('tokenward_renewal_failures_total')),
      ),
    },
    unit: 'short',
    width: 12,
    height: 8,
    bars: true,
  }),
  graph({
    title: 'Time to renew (p95)',
    description: 'By flow. The account chosen above does not filter it.',
    queries: { '{{flow}} {{kind}}': quantile(0.95, 'flow, kind', 'tokenward_renewal_duration_seconds') },
    unit: 's',
    width: 8,
    height: 8,
    noValue: 'no renewals',
  }),
  graph({
    title: 'Requests waiting for a token',
    description:
      'Requests that wait while the token of their account is renewed. Waiting for longer than seconds means a slow ' +
      'token endpoint.',
    queries: { '{{account}}': orZero(`sum by (account) (${series('tokenward_callers_waiting')})`) },
    unit: 'short',
    width: 8,
    height: 8,
  }),
  graph({
    title: 'Responses that reject the token',
    description:
      'current: the token in use was rejected. late: an older token was rejected, so nothing was renewed. ' +
      'ineffective: a renewed token was rejected too. Distinct tokens: each rejected token counts once.',
    queries: {
      '{{route}} {{reason}}': orZero(
        count('route, account, reason', series('tokenward_dead_token_replies_total', CHOSEN.route)),
      ),
      '{{account}} distinct tokens': orZero(count('account', series('tokenward_tokens_refused_total'))),
    },
    unit: 'short',
    width: 8,
    height: 8,
    bars: true,
    links: [TO_ROUTE],
  }),
  graph({
    title: 'Token age',
    description: 'The line falls at each renewal. Frequent falls mean that tokens are revoked or expire early.',
    queries: {
      '{{account}}': `time() - max by (account) (${series('tokenward_token_obtained_timestamp_seconds')} > 0)`,
    },
    unit: 's',
    width: 12,
    height: 7,
    noValue: 'no token yet',
  }),
  graph({
    title: 'Token generation',
    description: 'Each renewal adds 1. Replicas apart: they hold different tokens, at most for a moment.',
    queries: {
      '{{account}}': `max by (account) (${series('tokenward_token_generation')})`,
      '{{account}} replicas apart by':
        `max by (account) (${series('tokenward_token_generation')}) - ` +
        `min by (account) (${series('tokenward_token_generation')})`,
    },
    unit: 'short',
    width: 12,
    height: 7,
  }),
];

const traffic: readonly Panel[] = [
  graph({
    title: 'Routes of the account',
    description:
      'Requests per second of each route whose requests get this account, as far as the route has one account.',
    queries: {
      '{{route}} for {{account}}': orZero(
        `${rate('job, namespace, route', of('tokenward_requests_total'))}\n` +
          `* on (job, namespace, route) group_left (account)\n` +
          `max by (job, namespace, route, account) (${series('tokenward_route_info')})`,
      ),
    },
    unit: 'reqps',
    width: 12,
    height: 8,
    links: [TO_ROUTE],
  }),
  graph({
    title: 'Errors from tokenward on these routes',
    description: 'Error responses that tokenward generated on the routes of the account, by code.',
    queries: {
      '{{route}} {{reason}}': orZero(
        `${rate('job, namespace, route, reason', of('tokenward_errors_total'))}\n` +
          `* on (job, namespace, route) group_left (account)\n` +
          `max by (job, namespace, route, account) (${series('tokenward_route_info')})`,
      ),
    },
    unit: 'reqps',
    width: 12,
    height: 8,
    links: [TO_ROUTE],
  }),
];

/** One account, or a few: its state, what is left of its budgets, and each renewal. */
export function account(): dashboard.Dashboard {
  return frame('account', 'tokenward: account', 'One account: state, budgets, renewals, rejections.', [
    [row('Now: does it work, and for how long?'), now],
    [row('Budgets: how many logins and renewals are left?'), logins],
    [row('Tokens: renewals and rejections'), tokens],
    [row('Traffic: which routes use it?'), traffic],
  ]);
}
