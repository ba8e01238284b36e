import { cannotServe } from '../tokens/status.ts';
import { accountIncidents } from './account-incidents.ts';
import type { Affected, Incident } from './incident.ts';
import { routeIncidents } from './route-incidents.ts';
import type { Situation } from './situation.ts';

/** Incidents in one document. */
const MAX_INCIDENTS = 50;
const NOBODY: Affected = { accounts: [], accountCount: 0, routes: [], callers: [] };

/** What is wrong, the worst first. The only place that decides it: for the page, /status and the verdict. */
export function incidentsOf(situation: Situation): Incident[] {
  const all = [
    ...processIncidents(situation),
    ...storeIncidents(situation),
    ...accountIncidents(situation),
    ...routeIncidents(situation),
    ...configIncidents(situation),
  ];
  const critical = all.filter(({ severity }) => severity === 'critical');
  return [...critical, ...all.filter(({ severity }) => severity === 'warning')].slice(0, MAX_INCIDENTS);
}

function processIncidents({ state, workers, missing }: Situation): Incident[] {
  if (state.stopping) {
    const what = 'tokenward is shutting down: requests in flight end, then it takes no new ones.';
    return [{ id: 'stopping', severity: 'critical', what, since: undefined, who: NOBODY }];
  }
  if (workers.length > 0 && !workers.some(({ state: one }) => one === 'up'))
    return [
      {
        id: 'no-worker',
        severity: 'critical',
        what: 'No worker is up: no request is served.',
        since: undefined,
        who: { ...NOBODY, routes: state.routes.map(({ prefix }) => prefix) },
      },
    ];
  const silent = workers.filter(({ state: one }) => one === 'silent').map(({ worker }) => worker);
  return [
    ...silent.map((worker) => warning(`silent-${worker}`, `Worker ${worker} does not respond.`)),
    ...missing
      .filter((worker) => !silent.includes(worker))
      .map((worker) => warning(`missing-${worker}`, `Worker ${worker} is not up; it is being replaced.`)),
  ];
}

function warning(id: string, what: string): Incident {
  return { id, severity: 'warning', what, since: undefined, who: NOBODY };
}

/** Nothing can be renewed: critical, because every account's requests fail sooner or later. */
function storeIncidents({ state }: Situation): Incident[] {
  const { store, accounts, routes, accountCount } = state;
  if (store.usable) return [];
  const failing = accounts.filter((one) => cannotServe(one.state)).map(({ account }) => account);
  return [
    {
      id: 'store',
      severity: 'critical',
      what: 'The token store cannot be used: tokens in memory go on serving, and nothing is renewed.',
      why: store.error ?? 'no reason is known',
      since: store.since,
      who: {
        accounts: failing.slice(0, 5),
        accountCount: failing.length === 0 ? accountCount.known : failing.length,
        routes: routes.filter(({ account }) => account !== undefined).map(({ prefix }) => prefix),
        callers: [],
      },
    },
  ];
}

function configIncidents({ state: { config } }: Situation): Incident[] {
  const last = config?.lastReload;
  if (config === undefined || last === undefined || last.ok) return [];
  return [
    {
      id: 'reload',
      severity: 'warning',
      what: 'The changed configuration has errors and was not applied; the one before it is still in use.',
      why: last.error,
      since: last.at,
      who: NOBODY,
      action: { kind: 'reload' },
      command: `tokenward check -c ${config.file}`,
    },
  ];
}
