import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { frame, TO_ACCOUNT } from './frame.ts';
import { graph, row, type Panel } from './panels.ts';
import { CHOSEN, count, of, orZero, quantile, rate } from './queries.ts';
import { availability, errorRate, errors, latency, policy, requests } from './routes.ts';

const series = (metric: string, ...more: readonly string[]): string => of(metric, CHOSEN.route, ...more);

const traffic: readonly Panel[] = [
  requests(8, 8),
  errorRate(8, 8),
  errors(8, 8),
  graph({
    title: 'Responses by status',
    description: 'The status that the client received. 4xx includes clients that left.',
    queries: { '{{route}} {{status}}': rate('route, status', series('tokenward_requests_total')) },
    unit: 'reqps',
    width: 8,
    height: 8,
    bars: true,
    colors: { '.* 5xx': 'red', '.* 4xx': 'orange' },
  }),
  availability(8, 8),
  policy(8, 8),
];

const time: readonly Panel[] = [
  latency(0.5, 8, 8),
  latency(0.95, 8, 8),
  latency(0.99, 8, 8),
  graph({
    title: 'Whose time it is (p95)',
    description:
      "The upstream's part, until its response began and until it ended, and tokenward's own. The wait for a token is in neither.",
    queries: {
      '{{route}} upstream': quantile(0.95, 'route', 'tokenward_upstream_duration_seconds', CHOSEN.route),
      '{{route}} upstream, first byte': quantile(0.95, 'route', 'tokenward_upstream_first_byte_seconds', CHOSEN.route),
      '{{route}} tokenward': quantile(0.95, 'route', 'tokenward_overhead_seconds', CHOSEN.route),
    },
    unit: 's',
    width: 12,
    height: 8,
    noValue: 'no requests',
  }),
  graph({
    title: 'In flight',
    description: 'Requests in flight now.',
    queries: { '{{route}}': orZero(`sum by (route) (${series('tokenward_requests_in_flight')})`) },
    unit: 'short',
    width: 6,
    height: 8,
  }),
  graph({
    title: 'Connections to the upstream',
    description: 'Connections of the pool by state, and requests that wait for one.',
    queries: {
      '{{route}} {{state}}': orZero(`sum by (route, state) (${series('tokenward_upstream_connections')})`),
      '{{route}} waiting': orZero(`sum by (route) (${series('tokenward_upstream_requests_waiting')})`),
    },
    unit: 'short',
    width: 6,
    height: 8,
  }),
];

const healing: readonly Panel[] = [
  graph({
    title: 'Responses that reject the token',
    description:
      'current: the token in use was rejected. late: an older token was rejected, so nothing was renewed. ' +
      'ineffective: a renewed token was rejected too.',
    queries: {
      '{{route}} {{account}} {{reason}}': orZero(
        count('route, account, reason', series('tokenward_dead_token_replies_total', CHOSEN.account)),
      ),
    },
    unit: 'short',
    width: 12,
    height: 8,
    bars: true,
    links: [TO_ACCOUNT],
  }),
  graph({
    title: 'Replays',
    description:
      'recovered: the client saw no error. refused: the upstream rejected the new token too. failed: the replay ' +
      'broke off. skipped: the body was not kept, or there was no new token.',
    queries: { '{{route}} {{outcome}}': orZero(count('route, outcome', series('tokenward_replays_total'))) },
    unit: 'short',
    width: 12,
    height: 8,
    bars: true,
  }),
];

const bodies: readonly Panel[] = [
  graph({
    title: 'Request bodies in files',
    description: 'Bodies beyond the replay buffer on routes with spill, by what became of keeping them.',
    queries: {
      '{{route}} {{outcome}} per second': orZero(rate('route, outcome', series('tokenward_spilled_bodies_total'))),
    },
    unit: 'short',
    width: 8,
    height: 7,
  }),
  graph({
    title: 'Upgraded connections',
    description: 'Connections that have left HTTP, such as WebSockets: open now, begun, and how they ended.',
    queries: {
      '{{route}} open': orZero(`sum by (route) (${series('tokenward_upgraded_connections')})`),
      '{{route}} begun per second': orZero(rate('route', series('tokenward_upgrades_total'))),
      'ended per second: {{reason}}': orZero(rate('reason', series('tokenward_upgrades_ended_total'))),
    },
    unit: 'short',
    width: 8,
    height: 7,
  }),
  graph({
    title: 'Bytes of upgraded connections',
    description: 'Bytes that upgraded connections pass, by direction.',
    queries: {
      '{{route}} {{direction}}': orZero(rate('route, direction', series('tokenward_upgraded_bytes_total'))),
    },
    unit: 'Bps',
    width: 8,
    height: 7,
  }),
];

/** One route, or a few: what its clients see, and whose fault and time it is. */
export function route(): dashboard.Dashboard {
  return frame('route', 'tokenward: route', 'One route: requests, errors, latency, replays.', [
    [row('Traffic: what do clients see?'), traffic],
    [row('Time: is it the upstream, or tokenward?'), time],
    [row('Rejected tokens'), healing],
    [row('Large bodies and upgraded connections'), bodies],
  ]);
}
