import type { Affected, Incident } from './incident.ts';
import { LATELY_MINUTES, type CountedMinute } from './minutes.ts';
import type { Situation } from './situation.ts';
import type { CallerState, ProcessRoute } from './status-document.ts';

/** So much of a route's requests must fail, and at least so many, to be an incident. */
const FAILING_SHARE = 0.2;
const REJECTED_SHARE = 0.1;
const MIN_REQUESTS = 5;
/** An upstream that nobody has tried to reach for so long is a warning: it may be back. ms. */
const STALE_OUTAGE_MS = 5 * 60_000;
/** Errors of ours that other incidents explain, or that are the client's own fault. */
const EXPLAINED = new Set([
  'credential_dead',
  'login_budget_exhausted',
  'renewal_budget_exhausted',
  'token_unavailable',
  'store_unavailable',
  'shutting_down',
  'upstream_unreachable',
  'too_many_requests',
]);
const UPSTREAM_ERRORS = ['upstream_broken', 'upstream_timeout'];

/** What is wrong with upstreams, routes and callers, by the last five minutes. */
export function routeIncidents({ state, now }: Situation): Incident[] {
  const from = now - LATELY_MINUTES * 60_000;
  return [
    ...state.routes.flatMap((route) => {
      const lately = total(route.minutes.filter(({ at }) => at >= from));
      return [...outage(route, now), ...failing(route, lately), ...rejected(route, lately)];
    }),
    ...limitsReached(state.routes, state.callers, from),
  ];
}

function outage(route: ProcessRoute, now: number): Incident[] {
  const ongoing = route.outage;
  if (ongoing === undefined) return [];
  const { upstream, reason, since, failedAt } = ongoing;
  const stale = now - failedAt > STALE_OUTAGE_MS;
  return [
    {
      id: `outage ${route.prefix}`,
      severity: stale ? 'warning' : 'critical',
      what: `The upstream ${upstream} of ${route.prefix} cannot be reached.`,
      why: stale ? `${reason}; no request has tried it lately` : reason,
      since,
      who: hit(route),
    },
  ];
}

/** Requests fail though the upstream can be reached. */
function failing(route: ProcessRoute, { requests, codes, since }: Lately): Incident[] {
  const count = (names: readonly string[]): number => names.reduce((sum, name) => sum + (codes[name] ?? 0), 0);
  const isMuch = (failed: number): boolean => failed >= MIN_REQUESTS && failed >= requests * FAILING_SHARE;
  const broken = count(UPSTREAM_ERRORS);
  const internal = count(['internal', 'authority_unusable', 'caller_check_failed', 'too_many_waiting']);
  const incidents: Incident[] = [];
  const of = `of ${requests} requests in the last ${LATELY_MINUTES} min`;
  if (isMuch(broken))
    incidents.push({
      id: `broken ${route.prefix}`,
      severity: 'critical',
      what: `The upstream of ${route.prefix} does not answer ${broken} ${of}.`,
      why: listed(codes, UPSTREAM_ERRORS),
      since,
      who: hit(route),
    });
  if (internal > 0 && (codes['internal'] !== undefined || isMuch(internal)))
    incidents.push({
      id: `failing ${route.prefix}`,
      severity: 'critical',
      what: `tokenward itself fails ${internal} ${of} on ${route.prefix}.`,
      why: listed(
        codes,
        Object.keys(codes).filter((code) => !EXPLAINED.has(code) && !UPSTREAM_ERRORS.includes(code)),
      ),
      since,
      who: hit(route),
    });
  return incidents;
}

/** The upstream refuses tokens, and no renewal helps: a fixed token that is wrong, or rights that are missing. */
function rejected(route: ProcessRoute, lately: Lately): Incident[] {
  if (lately.rejected < MIN_REQUESTS || lately.rejected < lately.requests * REJECTED_SHARE) return [];
  const share = Math.round((100 * lately.rejected) / Math.max(lately.requests, lately.rejected));
  return [
    {
      id: `rejected ${route.prefix}`,
      severity: share >= 50 ? 'critical' : 'warning',
      what: `The upstream of ${route.prefix} rejects the token of ${share}% of the requests.`,
      why: `${lately.rejected} rejections in the last ${LATELY_MINUTES} min reached the callers: no renewal can help`,
      since: lately.since,
      who: hit(route),
    },
  ];
}

function limitsReached(routes: readonly ProcessRoute[], callers: readonly CallerState[], from: number): Incident[] {
  const limited = routes.flatMap((route) => {
    const minutes = route.minutes.filter(({ at, codes }) => at >= from && codes['too_many_requests'] !== undefined);
    const count = minutes.reduce((sum, { codes }) => sum + codes['too_many_requests']!, 0);
    return count === 0 ? [] : [{ prefix: route.prefix, count, since: minutes[0]!.at }];
  });
  const count = limited.reduce((sum, one) => sum + one.count, 0);
  if (count === 0) return [];
  const refused = callers.filter(({ lately }) => lately.refused > 0).map(({ name }) => name);
  return [
    {
      id: 'limits',
      severity: 'warning',
      what: `${count} requests were refused in the last ${LATELY_MINUTES} min because a limit is reached.`,
      why: refused.length === 0 ? 'limits.inFlight or limits.inFlightPerRoute' : 'limits.inFlightPerCaller',
      since: Math.min(...limited.map(({ since }) => since)),
      who: { accounts: [], accountCount: 0, routes: limited.map(({ prefix }) => prefix), callers: refused },
    },
  ];
}

interface Lately {
  readonly requests: number;
  readonly rejected: number;
  readonly codes: Readonly<Record<string, number>>;
  /** The first minute with a failure. */
  readonly since: number | undefined;
}

function total(minutes: readonly CountedMinute[]): Lately {
  const codes: Record<string, number> = {};
  for (const minute of minutes)
    for (const [code, count] of Object.entries(minute.codes)) codes[code] = (codes[code] ?? 0) + count;
  return {
    requests: minutes.reduce((sum, { requests }) => sum + requests, 0),
    rejected: minutes.reduce((sum, { rejected: one }) => sum + one, 0),
    codes,
    since: minutes.find(({ errorsOurs, errorsTheirs, rejected: one }) => errorsOurs + errorsTheirs + one > 0)?.at,
  };
}

function listed(codes: Readonly<Record<string, number>>, names: readonly string[]): string {
  return names.flatMap((name) => (codes[name] === undefined ? [] : [`${codes[name]} ${name}`])).join(', ');
}

function hit({ prefix, account, callers }: ProcessRoute): Affected {
  return { accounts: account === undefined ? [] : [account], accountCount: 0, routes: [prefix], callers };
}
