import { ACCOUNT_STATUS_NAMES, cannotServe, type AccountStatusName } from '../tokens/status.ts';
import type { Affected, Incident, IncidentAction } from './incident.ts';
import type { Situation } from './situation.ts';
import type { AccountStatus, ProcessRoute } from './status-document.ts';

/** From so many accounts of one flow in one trouble on, they are one incident. */
const MAX_SINGLE = 3;
/** Accounts named in one incident. */
const MAX_NAMED = 5;
/** The part of a login budget below which it is nearly used up: the same as in the alert TokenwardLoginBudgetLow. */
const LOW_BUDGET = 0.3;

/** What is wrong with accounts. Accounts of one flow with the same trouble are one incident. */
export function accountIncidents({ state, states, now }: Situation): Incident[] {
  const { accounts, routes, store } = state;
  const groups = new Map<string, AccountStatus[]>();
  for (const one of accounts) {
    if (!cannotServe(one.state) && one.state !== 'degraded') continue;
    const key = JSON.stringify([one.state, one.flow, one.dead, one.exhausted]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  const shown = new Map<AccountStatusName, number>();
  for (const { state: name } of accounts) shown.set(name, (shown.get(name) ?? 0) + 1);
  const incidents: Incident[] = [];
  const order = (group: readonly AccountStatus[]): number => ACCOUNT_STATUS_NAMES.indexOf(group[0]!.state);
  for (const group of [...groups.values()].sort((a, b) => order(a) - order(b))) {
    const { state: name } = group[0]!;
    // The list of accounts has its limit; the rest is in the counts.
    const hidden = groups.size === 1 ? Math.max(0, states[name] - (shown.get(name) ?? 0)) : 0;
    if (group.length > MAX_SINGLE) incidents.push(ofMany(group, group.length + hidden, routes));
    else for (const one of group) incidents.push(ofOne(one, routes, now, store.usable));
  }
  return [...incidents, ...lowBudgets(accounts, routes)];
}

const WHAT: Partial<Record<AccountStatusName, string>> = {
  dead: 'is dead: its requests fail until a person acts',
  out_of_logins: 'is out of logins: its requests fail',
  down: 'is down: its requests fail until a renewal succeeds',
  degraded: 'is degraded: its renewals fail, its token is still accepted',
};
const WHAT_MANY: Partial<Record<AccountStatusName, string>> = {
  dead: 'are dead: their requests fail until a person acts',
  out_of_logins: 'are out of logins: their requests fail',
  down: 'are down: their requests fail until a renewal succeeds',
  degraded: 'are degraded: their renewals fail, their tokens are still accepted',
};

function ofOne(status: AccountStatus, routes: readonly ProcessRoute[], now: number, storeUsable: boolean): Incident {
  const { account, state, problem, since, refusedAt, dead } = status;
  const what =
    state === 'degraded' && dead
      ? `${account} is degraded: its token is still accepted, but a person must act before it ends.`
      : state === 'out_of_logins' && status.exhausted === 'renewals'
        ? `${account} is out of renewals: its requests fail.`
        : `${account} ${WHAT[state]!}.`;
  const action = storeUsable ? actionFor(status, now) : undefined;
  return {
    id: `account ${account}`,
    severity: cannotServe(state) ? 'critical' : 'warning',
    what,
    why: problem ?? 'no reason is known',
    since: since ?? refusedAt,
    retryAt: retryOf(status),
    who: affectedBy([status], 1, routes),
    action,
    command: commandFor(status, action),
  };
}

function ofMany(group: readonly AccountStatus[], count: number, routes: readonly ProcessRoute[]): Incident {
  const { state, flow, problem } = group[0]!;
  const known = group.flatMap(({ since }) => since ?? []);
  return {
    id: `accounts ${state} ${flow} ${group[0]!.dead} ${group[0]!.exhausted ?? ''}`,
    severity: cannotServe(state) ? 'critical' : 'warning',
    what: `${count} accounts of ${flow} ${WHAT_MANY[state]!}.`,
    why: problem === undefined ? undefined : `${group[0]!.account}: ${problem}`,
    since: known.length === 0 ? undefined : Math.min(...known),
    who: affectedBy(group, count, routes),
    command: 'tokenward status',
  };
}

/** When the next try is due, or a budget grants the next login. */
function retryOf({ state, exhausted, budget, renewalsLeft = [], retryAt, dead }: AccountStatus): number | undefined {
  if (dead) return undefined;
  if (state !== 'out_of_logins') return retryAt;
  const freeAt =
    exhausted === 'renewals'
      ? renewalsLeft.reduce((latest, one) => Math.max(latest, one.retryAt ?? 0), 0) || undefined
      : budget?.retryAt;
  return freeAt ?? retryAt;
}

function actionFor(
  { account, state, exhausted, budget, problem, fixed }: AccountStatus,
  now: number,
): IncidentAction | undefined {
  if (fixed === true) return undefined;
  // A record that does not open, a missing refresh token: no renewal helps.
  if (problem !== undefined && /tokenward import|cannot be opened|no request can carry/.test(problem)) return undefined;
  if (exhausted === 'renewals') return undefined;
  if (exhausted !== 'logins' && state !== 'out_of_logins') return { kind: 'renew', account };
  if ((budget?.retryAt ?? Infinity) <= now || (budget?.remaining ?? 0) > 0) return { kind: 'renew', account };
  return (budget?.reserveRemaining ?? 0) > 0 ? { kind: 'renew', account, reserve: true } : undefined;
}

function commandFor({ account, problem }: AccountStatus, action: IncidentAction | undefined): string | undefined {
  if (action !== undefined) return `tokenward renew ${account}${action.reserve === true ? ' --use-reserve' : ''}`;
  return problem?.includes('tokenward import') === true ? `tokenward import ${account}` : undefined;
}

/** Budgets that are nearly used up: once they are, a token that dies is not replaced. */
function lowBudgets(accounts: readonly AccountStatus[], routes: readonly ProcessRoute[]): Incident[] {
  return accounts.flatMap((status): Incident[] => {
    const { account, budget, state } = status;
    // An incident of its own says that there is none left.
    const isTold = status.exhausted === 'logins' || state === 'dead';
    if (budget === undefined || budget.limit === 0 || isTold) return [];
    if (budget.remaining / budget.limit >= LOW_BUDGET) return [];
    const left = `${budget.remaining} of ${budget.limit} automatic logins left`;
    return [
      {
        id: `budget ${account}`,
        severity: 'warning',
        what: `${account} has ${left}.`,
        why: `${budget.reserveRemaining} of ${budget.reserveLimit} are kept in reserve for an operator.`,
        since: undefined,
        who: affectedBy([status], 1, routes),
      },
    ];
  });
}

function affectedBy(group: readonly AccountStatus[], accountCount: number, routes: readonly ProcessRoute[]): Affected {
  const names = new Set(group.map(({ account }) => account));
  const flows = new Set(group.map(({ flow }) => flow));
  const hit = routes.filter(({ account, flow }) =>
    flow === undefined ? account !== undefined && names.has(account) : flows.has(flow),
  );
  return {
    accounts: [...names].slice(0, MAX_NAMED),
    accountCount,
    routes: hit.map(({ prefix }) => prefix),
    callers: [...new Set(hit.flatMap(({ callers }) => callers))],
  };
}
