import { DROP_REASONS } from '../access-log.ts';
import type { ErrorCode } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { attachesToBody } from '../flows/attach.ts';
import { REJECTION_REASONS, REPLAY_OUTCOMES } from '../proxy/renew.ts';
import type { Route } from '../proxy/route.ts';
import { FAILURE_REASONS, OUTCOME_KINDS, type Credential } from '../tokens/credential.ts';
import { STORE_OPERATIONS, SUPPRESSIONS } from '../tokens/observer.ts';
import { SPAN_DROP_REASONS } from './span-reports.ts';

/*
 * A counter that appears with its first event is invisible to Prometheus' increase(): the step from nothing to 1 is no
 * increase. So every combination of labels that is possible with this configuration exists at 0 from the start.
 */

/** Label values for a call without a token: its outcome, or the reason of a failed one. */
export const FAILURES = [
  ...OUTCOME_KINDS.filter((kind) => kind !== 'granted' && kind !== 'failed'),
  ...FAILURE_REASONS,
];
/** Accounts whose failure reasons exist from the start; more of them would be most of a scrape. */
export const MAX_ACCOUNTS_WITH_REASONS = 20;

/** Errors of requests that match no route. */
const UNMATCHED_ERRORS: readonly ErrorCode[] = [
  'route_unknown',
  'request_malformed',
  'request_target_refused',
  'target_too_long',
  'method_refused',
  'loop_detected',
  'headers_too_large',
  'expectation_failed',
  'upgrade_refused',
  'too_many_requests',
  'host_refused',
  'cross_site_refused',
  'required_header_missing',
];
/** Errors that every route can have. */
const ROUTE_ERRORS: readonly ErrorCode[] = [
  'body_timeout',
  'upstream_unreachable',
  'upstream_broken',
  'upstream_timeout',
  'too_many_requests',
  'shutting_down',
  'internal',
];
const TOKEN_ERRORS: readonly ErrorCode[] = [
  'credential_dead',
  'login_budget_exhausted',
  'token_unavailable',
  'too_many_waiting',
  'store_unavailable',
];
const CALLER_ERRORS: readonly ErrorCode[] = [
  'caller_key_missing',
  'caller_key_unknown',
  'caller_not_allowed',
  'too_many_wrong_keys',
];
const ACCOUNT_CHOICE_ERRORS: readonly ErrorCode[] = ['account_missing', 'account_not_allowed', 'account_unknown'];

/** How callers authenticate, and whether any route allows upgrades. */
interface CommonRules {
  readonly keys: boolean;
  readonly jwt: boolean;
  readonly upgrades: boolean;
}

/** The counters of the process as a whole. */
export function zeroProcess(metrics: Metrics): void {
  const { errors, storeErrors, storeSeconds, accessLinesDropped } = metrics;
  metrics.route('unmatched');
  for (const reason of UNMATCHED_ERRORS) errors.inc({ route: 'unmatched', reason }, 0);
  for (const reason of DROP_REASONS) accessLinesDropped.inc({ reason }, 0);
  for (const reason of SPAN_DROP_REASONS) metrics.spansDropped.inc({ reason }, 0);
  for (const operation of STORE_OPERATIONS) {
    storeErrors.inc({ reason: operation }, 0);
    storeSeconds.zero({ operation });
  }
}

/** The counters of one route, and which account it has. */
export function zeroRoute(metrics: Metrics, route: Route, rules: CommonRules): void {
  const account = route.account === undefined ? '' : metrics.accountLabel(route.account);
  metrics.routeInfo.set({ route: route.name, account }, 1);
  for (const reason of errorsOf(route, rules)) metrics.errors.inc({ route: route.name, reason }, 0);
  const { policy, replay } = route.config;
  if (policy !== undefined) {
    const outcome = policy.mode === 'report' ? 'reported' : 'refused';
    if (policy.deny.length > 0) metrics.policyVerdicts.inc({ route: route.name, reason: 'denied', outcome }, 0);
    if (policy.allow !== undefined)
      metrics.policyVerdicts.inc({ route: route.name, reason: 'not_allowed', outcome }, 0);
  }
  if (route.rejectedToken === undefined) return;
  for (const outcome of replay ? REPLAY_OUTCOMES : (['skipped'] as const))
    metrics.replays.inc({ route: route.name, outcome }, 0);
  if (route.account === undefined) return;
  for (const reason of REJECTION_REASONS) metrics.rejections.inc({ route: route.name, account, reason }, 0);
}

function errorsOf(
  { config, flow, account, accountChoice, logins }: Route,
  { keys, jwt, upgrades }: CommonRules,
): readonly ErrorCode[] {
  const attach = flow?.attach ?? [];
  const countsRenewals = flow?.budget?.some(({ renewals }) => renewals !== undefined) === true;
  const signs = attach.some((part) => 'sign' in part);
  return [
    ...ROUTE_ERRORS,
    ...(account !== undefined || accountChoice !== undefined ? TOKEN_ERRORS : []),
    ...(countsRenewals || accountChoice !== undefined ? (['renewal_budget_exhausted'] as const) : []),
    ...(accountChoice !== undefined ? ACCOUNT_CHOICE_ERRORS : []),
    ...(keys ? CALLER_ERRORS : []),
    ...(upgrades ? (['upgrade_refused'] as const) : []),
    ...(config.upgrade.length > 0 ? (['request_malformed'] as const) : []),
    ...(config.upgrade.length > 0 && keys ? (['cross_site_refused'] as const) : []),
    ...(jwt ? (['caller_check_failed'] as const) : []),
    ...(config.policy !== undefined && config.policy.mode !== 'report' ? (['policy_refused'] as const) : []),
    ...(logins.any && config.legacyLogin !== 'forward' ? (['login_path_refused'] as const) : []),
    ...(config.encodedPaths === 'refuse' ? (['request_target_refused'] as const) : []),
    ...(config.maxBody !== undefined || attachesToBody(attach) || signs ? (['body_too_large'] as const) : []),
    ...(signs ? (['request_not_signable'] as const) : []),
    ...(flow?.upstream !== undefined ? (['upstream_not_allowed'] as const) : []),
  ];
}

/** The counters of one account, under its label. `reasons`: those of failures too. */
export function zeroAccount(
  metrics: Metrics,
  { account: name, flow, canLogin, canRefresh }: Credential,
  reasons: boolean,
): void {
  const account = metrics.accountLabel(name);
  metrics.tokensRefused.inc({ account }, 0);
  const kinds = [...(canLogin ? ['login'] : []), ...(canRefresh ? ['refresh'] : [])];
  for (const kind of kinds) {
    for (const outcome of OUTCOME_KINDS) metrics.renewals.inc({ account, flow, kind, outcome }, 0);
    metrics.beginTiming(flow, kind);
    if (reasons) for (const reason of FAILURES) metrics.renewalFailures.inc({ account, flow, kind, reason }, 0);
  }
  if (reasons && kinds.length > 0)
    for (const reason of SUPPRESSIONS) metrics.renewalFailures.inc({ account, flow, kind: 'none', reason }, 0);
}
