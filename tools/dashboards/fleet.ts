import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { budgets, expiry, ready, renewals, state } from './accounts.ts';
import { frame, TO_ACCOUNT } from './frame.ts';
import { field, graph, labels, row, type Panel } from './panels.ts';
import { CHOSEN, count, of, orZero, quantile, rate } from './queries.ts';
import { availability, errorRate, errors, latency, policy, requests } from './routes.ts';

const BAD = 'state=~"dead|out_of_logins|down"';

const verdict: readonly Panel[] = [
  field({
    title: 'Accounts whose requests fail',
    description: 'Accounts that are dead, out_of_logins or down, of all that have a state.',
    queries: {
      failing: orZero(`count(count by (account) (${of('tokenward_account_state', BAD)}))`),
      'in all': orZero(`count(count by (account) (${of('tokenward_account_state')}))`),
    },
    width: 6,
    height: 4,
    steps: [[null, 'text']],
  }),
  field({
    title: 'Alerts',
    description: 'Alerts of tokenward that fire now, by severity. Each has a runbook in docs/runbooks.',
    queries: {
      critical: orZero('count(ALERTS{alertstate="firing", severity="critical", alertname=~"Tokenward.+"})'),
      warning: orZero('count(ALERTS{alertstate="firing", severity="warning", alertname=~"Tokenward.+"})'),
    },
    width: 6,
    height: 4,
    steps: [
      [null, 'green'],
      [1, 'red'],
    ],
  }),
  field({
    title: 'Token store',
    description:
      'Whether the store can be read and written. If not, tokens in memory stay in use, and nothing is renewed.',
    queries: { '{{instance}}': `min by (instance) (${of('tokenward_store_usable')})` },
    width: 6,
    height: 4,
    steps: [
      [null, 'red'],
      [1, 'green'],
    ],
    words: { 0: ['unusable'], 1: ['usable'] },
    noValue: 'no processes',
  }),
  field({
    title: 'Configuration',
    description: 'Whether the configuration could be applied at the last reload.',
    queries: { '{{instance}}': `min by (instance) (${of('tokenward_config_last_reload_successful')})` },
    width: 6,
    height: 4,
    steps: [
      [null, 'red'],
      [1, 'green'],
    ],
    words: { 0: ['not applied'], 1: ['in use'] },
    noValue: 'no processes',
  }),
];

const accounts: readonly Panel[] = [
  state(6, 6),
  ready(6, 6),
  expiry(6, 6),
  budgets(6, 6),
  renewals(12, 8),
  graph({
    title: 'Accounts in memory',
    description: 'Accounts held in memory, of all configured ones. Others are read from the store when they are used.',
    queries: {
      '{{instance}} in memory': `max by (instance) (${of('tokenward_accounts_in_memory')})`,
      '{{instance}} in all': `max by (instance) (${of('tokenward_accounts')})`,
    },
    unit: 'short',
    width: 6,
    height: 8,
  }),
  graph({
    title: 'Requests waiting for a token',
    description: 'Requests that wait while the token of their account is renewed.',
    queries: {
      '{{account}}': orZero(`sum by (account) (${of('tokenward_callers_waiting', CHOSEN.account)})`),
    },
    unit: 'short',
    width: 6,
    height: 8,
    links: [TO_ACCOUNT],
  }),
];

const traffic: readonly Panel[] = [
  requests(8, 8),
  errorRate(8, 8),
  errors(8, 8),
  latency(0.5, 8, 7),
  latency(0.95, 8, 7),
  latency(0.99, 8, 7),
  availability(8, 7),
  policy(8, 7),
  graph({
    title: 'Replays',
    description: 'recovered: the client saw no error. All others: the client got the rejection, or an error.',
    queries: {
      '{{route}} {{outcome}}': orZero(count('route, outcome', of('tokenward_replays_total', CHOSEN.route))),
    },
    unit: 'short',
    width: 8,
    height: 7,
    bars: true,
  }),
];

const callers: readonly Panel[] = [
  graph({
    title: 'Requests by caller',
    description:
      'Requests of each configured caller, and those refused because the caller reached its concurrency limit.',
    queries: { '{{caller}} {{outcome}}': orZero(rate('caller, outcome', of('tokenward_caller_requests_total'))) },
    unit: 'reqps',
    width: 8,
    height: 7,
  }),
  graph({
    title: 'In flight by caller',
    description:
      "Requests in flight of each configured caller. A request beyond a caller's share (limits.inFlightPerCaller) is refused.",
    queries: { '{{caller}}': orZero(`sum by (caller) (${of('tokenward_caller_requests_in_flight')})`) },
    unit: 'short',
    width: 8,
    height: 7,
  }),
  graph({
    title: 'Tunnels of the forward proxy',
    description:
      'CONNECT requests by what became of them, and tunnels that are open. Untrusted: a client does not trust the authority.',
    queries: {
      '{{outcome}} per second': orZero(rate('outcome', of('tokenward_tunnels_total'))),
      open: orZero(`sum(${of('tokenward_tunnels_open')})`),
    },
    unit: 'short',
    width: 8,
    height: 7,
  }),
];

const processes: readonly Panel[] = [
  graph({
    title: 'In flight',
    description: 'Requests in flight now.',
    queries: { '{{instance}}': orZero(`sum by (instance) (${of('tokenward_requests_in_flight')})`) },
    unit: 'short',
    width: 6,
    height: 7,
  }),
  graph({
    title: 'Event-loop lag (p99)',
    description: 'How long work waits inside the process. Above 50 ms, add workers or replicas.',
    queries: { '{{instance}}': `max by (instance) (${of('nodejs_eventloop_lag_p99_seconds')})` },
    unit: 's',
    width: 6,
    height: 7,
    steps: [
      [null, 'green'],
      [0.05, 'orange'],
      [0.25, 'red'],
    ],
  }),
  graph({
    title: 'CPU',
    description: 'Cores in use.',
    queries: { '{{instance}}': rate('instance', of('process_cpu_seconds_total')) },
    unit: 'short',
    width: 6,
    height: 7,
  }),
  graph({
    title: 'Memory',
    description: 'Resident memory.',
    queries: { '{{instance}}': `sum by (instance) (${of('process_resident_memory_bytes')})` },
    unit: 'bytes',
    width: 6,
    height: 7,
  }),
  graph({
    title: 'Bodies kept for replay',
    description: 'Request bodies in memory, and in files on routes with spill.',
    queries: {
      '{{instance}} in memory': orZero(`sum by (instance) (${of('tokenward_buffered_bytes')})`),
      '{{instance}} in files': orZero(`sum by (instance) (${of('tokenward_spilled_bytes')})`),
    },
    unit: 'bytes',
    width: 6,
    height: 7,
  }),
  graph({
    title: 'Workers',
    description:
      'Processes that serve requests, and processes that ended unexpectedly. One more for a moment: a worker is being replaced.',
    queries: {
      '{{instance}}': `sum by (instance) (${of('tokenward_workers')})`,
      '{{instance}} ended': orZero(count('instance', of('tokenward_worker_crashes_total'))),
    },
    unit: 'short',
    width: 6,
    height: 7,
  }),
  graph({
    title: 'Up since',
    description: 'How long each process has been running. The line falls at each restart.',
    queries: { '{{instance}}': `time() - max by (instance) (${of('process_start_time_seconds')})` },
    unit: 's',
    width: 6,
    height: 7,
  }),
  graph({
    title: 'Access lines and spans dropped',
    description: 'What could not be written or sent in time, and the spans that were sent.',
    queries: {
      '{{instance}} lines': orZero(count('instance', of('tokenward_access_lines_dropped_total'))),
      '{{instance}} spans': orZero(count('instance', of('tokenward_spans_dropped_total'))),
      '{{instance}} spans sent': orZero(count('instance', of('tokenward_spans_exported_total'))),
    },
    unit: 'short',
    width: 6,
    height: 7,
  }),
  graph({
    title: 'Store errors',
    description: '0 if the store works. Without the store nothing is renewed.',
    queries: { '{{instance}} {{reason}}': orZero(count('instance, reason', of('tokenward_store_errors_total'))) },
    unit: 'short',
    width: 6,
    height: 7,
    bars: true,
  }),
  graph({
    title: 'Time of store operations (p95)',
    description: 'By operation.',
    queries: { '{{operation}}': quantile(0.95, 'operation', 'tokenward_store_duration_seconds') },
    unit: 's',
    width: 6,
    height: 7,
    noValue: 'no operations',
  }),
  labels({
    title: 'Build',
    description: 'The versions of each instance, and the engine that reads requests first.',
    queries: { versions: `max by (instance, version, node, engine) (${of('tokenward_build_info')})` },
    columns: { instance: 'Instance', version: 'tokenward', node: 'Node', engine: 'Engine' },
    width: 6,
    height: 7,
  }),
  labels({
    title: 'Configuration of each instance',
    description: 'The first digits of the hash of everything the configuration read. Replicas should have the same.',
    queries: { hashes: `max by (instance, hash) (${of('tokenward_config_info')})` },
    columns: { instance: 'Instance', hash: 'Hash' },
    width: 6,
    height: 7,
    noValue: 'not known',
  }),
  field({
    title: 'Certificates end in',
    description: 'The certificates of the listeners, and the authority.',
    queries: {
      '{{name}}': `min by (name) (${of('tokenward_certificate_expiry_timestamp_seconds')}) - time()`,
    },
    unit: 's',
    decimals: 0,
    width: 24,
    height: 4,
    steps: [
      [null, 'red'],
      [604_800, 'orange'],
      [2_592_000, 'green'],
    ],
    noValue: 'no certificates',
  }),
];

/** All of it: what fails, which accounts and routes, and how the processes are. */
export function fleet(): dashboard.Dashboard {
  return frame('fleet', 'tokenward', 'Outbound authenticating reverse proxy: accounts, traffic, processes.', [
    [row('Is all well?'), verdict],
    [row('Accounts: can tokenward log in?'), accounts],
    [row('Traffic: what do clients see?'), traffic],
    [row('Callers and tunnels'), callers],
    [row('Processes'), processes],
  ]);
}
