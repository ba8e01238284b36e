import { findAccount, type LoadedConfig } from '../config/load.ts';
import type { RouteConfig } from '../config/schema.ts';
import type { Flow, TokenCall } from '../flows/flow.ts';
import { isAllowed } from '../flows/hosts.ts';
import { placeholdersIn } from '../flows/template.ts';
import type { Route } from '../proxy/route.ts';
import { LoginPaths, loginCalls, declaredLogins, loginPathOf, type LoginPath } from '../proxy/legacy-login.ts';

/*
 * The logins that a route must not forward. Not only those of its own account: a client that is refused a login on one
 * route could send it on another one to the same host. Hosts are compared without the scheme: http and https of one
 * name are one server, another port may be another one.
 */

const guards = new WeakMap<LoadedConfig, ReadonlyMap<string, readonly LoginPath[]>>();

/** The login paths of a route: first those of its own flow, which may have an `answer`, then all others at its host. */
export function loginsOfRoute(route: RouteConfig, config: LoadedConfig): LoginPaths {
  const own = flowOfRoute(route, config);
  let byHost = guards.get(config);
  if (byHost === undefined) guards.set(config, (byHost = guardedByHost(config)));
  const others = byHost.get(new URL(route.upstream).host) ?? [];
  return new LoginPaths([...(own === undefined ? [] : declaredLogins(own)), ...others]);
}

/**
 * Guards a token endpoint that the metadata of an authorization server has named: until this process has read it, with
 * its first login there, nobody could know. Stays guarded if later metadata names another one.
 */
export function guardTokenEndpoint(routes: readonly Route[], url: URL): void {
  const path = loginPathOf(url, 'POST');
  for (const { host, namedUpstream, config, logins } of routes) {
    if (host === url.host || (namedUpstream !== undefined && isAllowed(url.href, new URL(config.upstream).host)))
      logins.learn(path);
  }
}

/** The flow of a route's account or accounts. */
export function flowOfRoute({ account, accountFrom }: RouteConfig, config: LoadedConfig): Flow | undefined {
  if (accountFrom !== undefined) return config.knownFlows.get(accountFrom.flow)!;
  return account === undefined ? undefined : findAccount(config, account)?.flow;
}

/** By host: the logins of all accounts there, without `answer`, which only the account's own routes have. */
function guardedByHost(config: LoadedConfig): ReadonlyMap<string, readonly LoginPath[]> {
  const byHost = new Map<string, Map<string, LoginPath>>();
  const add = (host: string, paths: readonly LoginPath[]): void => {
    let known = byHost.get(host);
    if (known === undefined) byHost.set(host, (known = new Map<string, LoginPath>()));
    for (const path of paths) {
      known.set(`${path.method} ${path.whole} ${path.segments.join('/')}`, { ...path, response: undefined });
    }
  };
  for (const { flow, credentials } of loginsOf(config)) {
    for (const { url: text, method } of loginCalls(flow, credentials)) {
      const url = new URL(text);
      add(url.host, [loginPathOf(url, method), ...declaredLogins(flow)]);
    }
  }
  for (const route of config.routes) {
    const flow = flowOfRoute(route, config);
    if (flow === undefined) continue;
    const { host, origin } = new URL(route.upstream);
    add(host, declaredLogins(flow));
    if (route.accountFrom === undefined && flow.upstream === undefined) continue;
    // Each of these accounts may log in at a host of its own, perhaps at this one; and so may an account whose upstream
    // an answer names: guarded in any case.
    for (const { url: text, method } of loginCalls({ ...flow, baseUrl: origin }, {})) {
      const url = new URL(text);
      if (flow.upstream !== undefined || url.host === host) add(host, [loginPathOf(url, method)]);
    }
  }
  return new Map([...byHost].map(([host, paths]) => [host, [...paths.values()]]));
}

/** All logins: of the accounts, and of the generated ones that differ in their URLs. */
function* loginsOf(config: LoadedConfig): Generator<{ flow: Flow; credentials: Readonly<Record<string, unknown>> }> {
  for (const [name, flow] of config.flowOf) yield { flow, credentials: config.accounts[name]!.credentials };
  const { profiles, byName } = config.generated;
  const isFixed = (calls: readonly TokenCall[] = []): boolean =>
    calls.every(({ url }) => placeholdersIn(url).length === 0);
  const fixedUrls = profiles.map(
    ({ flow: { login, refresh, oauth } }) =>
      isFixed(login) && isFixed(refresh) && placeholdersIn(oauth?.tokenUrl ?? '').length === 0,
  );
  for (const [index, { flow }] of profiles.entries()) if (fixedUrls[index] === true) yield { flow, credentials: {} };
  if (fixedUrls.every(Boolean)) return;
  const seen = new Set<string>();
  for (const [index, credentials] of byName.values()) {
    if (fixedUrls[index] === true) continue;
    const { flow } = profiles[index]!;
    const key = `${index} ${loginCalls(flow, credentials)
      .map(({ url }) => url)
      .join(' ')}`;
    if (seen.has(key)) continue;
    seen.add(key);
    yield { flow, credentials };
  }
}
