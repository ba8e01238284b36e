import { TO_ROUTE } from './frame.ts';
import { graph, type Panel } from './panels.ts';
import { CHOSEN, of, orZero, quantile, rate, share } from './queries.ts';

/* Panels about routes, which the fleet's dashboard and that of routes share. */

const series = (metric: string, ...more: readonly string[]): string => of(metric, CHOSEN.route, ...more);
const links = [TO_ROUTE];

export function requests(width: number, height: number): Panel {
  return graph({
    title: 'Requests',
    description: 'Requests per second by route.',
    queries: { '{{route}}': rate('route', series('tokenward_requests_total')) },
    unit: 'reqps',
    width,
    height,
    links,
  });
}

export function errorRate(width: number, height: number): Panel {
  const part = (status: string): string =>
    share(
      rate('route', series('tokenward_requests_total', `status="${status}"`)),
      rate('route', series('tokenward_requests_total')),
      'route',
    );
  return graph({
    title: 'Error rate',
    description: 'Share of all responses, from upstreams and from tokenward.',
    queries: { '{{route}} 5xx': part('5xx'), '{{route}} 4xx': part('4xx') },
    unit: 'percentunit',
    width,
    height,
    steps: [
      [null, 'green'],
      [0.05, 'red'],
    ],
    links,
  });
}

export function errors(width: number, height: number): Panel {
  return graph({
    title: 'Errors from tokenward',
    description:
      'Error responses that tokenward generated, by code. Errors that only the error rate shows came from an upstream.',
    queries: { '{{route}} {{reason}}': orZero(rate('route, reason', series('tokenward_errors_total'))) },
    unit: 'reqps',
    width,
    height,
    bars: true,
    links,
  });
}

export function policy(width: number, height: number): Panel {
  return graph({
    title: 'Requests outside the policy',
    description:
      'By route and reason: refused with 403, or only reported (mode: report). A legitimate request here needs an allow rule.',
    queries: {
      '{{route}} {{reason}} {{outcome}}': orZero(
        rate('route, reason, outcome', series('tokenward_policy_verdicts_total')),
      ),
    },
    unit: 'reqps',
    width,
    height,
    links,
  });
}

/** From the recording rules of deploy/prometheus/alerts.yaml. */
export function availability(width: number, height: number): Panel {
  const recorded = (window: string): string =>
    `max by (route) (route:tokenward_failures:ratio_rate${window}{job=~"$job", namespace=~"$namespace", ${CHOSEN.route}})`;
  return graph({
    title: 'Requests that tokenward failed',
    description:
      'Share of requests that failed because of tokenward, its accounts or its store, and not because of the upstream ' +
      'or the client. Allowed: what the objective leaves.',
    queries: {
      '{{route}} in 1 h': orZero(recorded('1h')),
      '{{route}} in 6 h': orZero(recorded('6h')),
      '{{route}} in 3 d': orZero(recorded('3d')),
      allowed: orZero('1 - max(tokenward:availability_objective:ratio)'),
    },
    unit: 'percentunit',
    width,
    height,
    links,
  });
}

export function latency(q: number, width: number, height: number): Panel {
  return graph({
    title: `Latency p${q * 100}`,
    description: 'The whole request as the client sees it, including the upstream and the wait for a token.',
    queries: { '{{route}}': quantile(q, 'route', 'tokenward_request_duration_seconds', CHOSEN.route) },
    unit: 's',
    width,
    height,
    noValue: 'no requests',
    links,
  });
}
