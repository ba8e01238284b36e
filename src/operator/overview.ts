import { statusOf, type StatusParts } from './describe-status.ts';
import type { ProcessState, RouteState } from './status-document.ts';
import type { Overview } from './view.ts';

/** Routes in one overview. */
const MAX_ROUTES = 200;

/** The status without accounts, and with no more routes than a page shows. */
export function overviewOf(state: ProcessState, parts: StatusParts): Overview {
  const status = statusOf(state, parts);
  const { routes } = status;
  const shown = routes.length <= MAX_ROUTES ? routes : [...routes].sort(byLoad).slice(0, MAX_ROUTES);
  return { ...status, accounts: [], routes: shown, routeCount: routes.length, revision: state.revision };
}

/** Upstreams that cannot be reached first, then by the requests of the last hour. */
function byLoad(a: RouteState, b: RouteState): number {
  return (
    Number(b.outage !== undefined) - Number(a.outage !== undefined) || lately(b) - lately(a) || b.inFlight - a.inFlight
  );
}

function lately({ minutes }: RouteState): number {
  return minutes.reduce((sum, { requests }) => sum + requests, 0);
}
