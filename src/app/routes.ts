import type { LoadedConfig } from '../config/load.ts';
import type { RouteConfig } from '../config/schema.ts';
import { attachedFields, Attacher, type ValuesOf } from '../flows/attach.ts';
import { hasSecretName } from '../config/secrets.ts';
import { isFixed, type Flow } from '../flows/flow.ts';
import { PRESETS } from '../flows/presets.ts';
import { bringsStandIn, fieldOfToken } from '../flows/stand-in.ts';
import { flowOfRoute, loginsOfRoute } from './login-guard.ts';
import type { Metrics } from '../metrics.ts';
import type { Connect } from './upstreams.ts';
import { accountPatterns } from '../proxy/account-patterns.ts';
import { readsApiKey } from '../proxy/caller.ts';
import { requestFieldFilter } from '../proxy/headers.ts';
import { rejectedTokenRule } from '../proxy/inspect.ts';
import { compilePolicy } from '../proxy/policy.ts';
import { namedUpstream } from '../proxy/named-upstream.ts';
import type { Route } from '../proxy/route.ts';
import type { StandInPlace } from '../proxy/stand-in.ts';
import { REQUEST_ID } from '../http/request-id.ts';
import { TRACE_PARENT, TRACE_STATE } from '../http/trace-context.ts';
import { UPGRADE_ENDS } from '../http/upgraded-pair.ts';
import { trimEnd } from '../trim-end.ts';
import type { Spills } from './spills.ts';

/** What a route works with. */
export interface RouteParts {
  readonly metrics: Metrics;
  readonly connect: Connect;
  readonly valuesOf: ValuesOf;
  readonly spills?: Spills | undefined;
  /** The route of this name before a reload. */
  readonly former?: Route | undefined;
}

/** A configured route, ready for requests. */
export function routeOf(
  config: RouteConfig,
  all: LoadedConfig,
  { metrics, connect, valuesOf, spills, former }: RouteParts,
): Route {
  const url = new URL(config.upstream);
  const basePath = trimEnd(url.pathname, '/');
  const flow = flowOfRoute(config, all);
  const { accountFrom } = config;
  return {
    config,
    name: config.name,
    prefix: config.prefix === '/' ? '' : config.prefix,
    upstream: connect(url.origin),
    basePath,
    origin: url.origin,
    host: url.host,
    account: config.account,
    accountChoice: accountFrom && {
      header: accountFrom.header?.toLowerCase(),
      allow: accountPatterns(accountFrom.allow),
      serves: (account) => servesAccount(all, accountFrom.flow, account),
    },
    dropsField: requestFieldFilter({
      forwarding: config.forwarded === 'pass',
      overrides: config.methodOverride === 'pass',
      apiKey: !readsApiKey(all.callers),
      extra: [
        accountFrom?.header,
        config.requestId === 'add' ? REQUEST_ID : undefined,
        ...all.listeners.map(({ requireHeader }) => requireHeader),
        ...(all.tracing === undefined ? [] : [TRACE_PARENT, TRACE_STATE]),
        ...Object.keys(config.headers ?? {}),
        ...(flow === undefined ? [] : attachedFields(flow.attach)),
      ].filter((name) => name !== undefined),
    }),
    addedFields: config.headers && Object.entries(config.headers).flat(),
    secrets: secretsOf(config, all),
    flow,
    standIn: standInPlaceOf(config, all, flow),
    logins: loginsOfRoute(config, all),
    policy: config.policy && compilePolicy(config.policy, basePath),
    attach: flow && new Attacher(flow.attach, valuesOf, hasSecretName, former?.attach),
    namedUpstream: flow?.upstream === undefined ? undefined : namedUpstream(flow.upstream, config, valuesOf, connect),
    rejectedToken: flow && rejectedTokenRule(rejectionRules(flow), config.maxInspectedBody),
    spill: config.replay && flow !== undefined ? spills?.(config) : undefined,
    stats: metrics.route(config.name),
    upgradeStats: metrics.upgrades(config.name, config.upgrade.length > 0 ? UPGRADE_ENDS : []),
  };
}

/** Only where callers have keys, and the route answers logins. */
function standInPlaceOf(
  { legacyLogin, account, accountFrom }: RouteConfig,
  { callers }: LoadedConfig,
  flow: Flow | undefined,
): StandInPlace | undefined {
  if (flow === undefined || legacyLogin !== 'answer' || callers === 'none') return undefined;
  if (callers.every(({ key }) => key === undefined) || !flow.legacyLogin.some(bringsStandIn)) return undefined;
  const field = fieldOfToken(flow.attach);
  return field && { ...field, scope: accountFrom === undefined ? `account ${account!}` : `flow ${accountFrom.flow}` };
}

/** A shorter text occurs in responses by chance. */
const MIN_SECRET_LENGTH = 8;

/** Secrets in the fields that the route adds, which a response must not repeat. */
function secretsOf({ name: route, headers = {} }: RouteConfig, all: LoadedConfig): readonly string[] | undefined {
  const names = all.secretHeaders.get(route) ?? [];
  const values = names.map((name) => headers[name]!.replace(/^(basic|bearer|token) +/i, ''));
  const secrets = values.filter((value) => value.length >= MIN_SECRET_LENGTH);
  return secrets.length === 0 ? undefined : secrets;
}

/**
 * Which responses reject the token. A flow with a fixed token rarely has rules, and needs no certainty: a rejection is
 * noted, and nothing is renewed.
 */
function rejectionRules(flow: Flow): Flow['invalid'] {
  if (flow.invalid.length > 0) return flow.invalid;
  if (flow.oauth !== undefined) return PRESETS['oauth2']!.invalid;
  return isFixed(flow) ? [{ status: 401 }] : flow.invalid;
}

/**
 * The route attaches tokens, and recognises their rejection, by the flow: an account that overrides `attach` cannot be
 * served.
 */
function servesAccount(config: LoadedConfig, flow: string, account: string): boolean {
  const generated = config.generated.byName.get(account);
  const settings =
    generated === undefined ? config.accounts[account] : config.generated.profiles[generated[0]]!.settings;
  return settings !== undefined && settings.flow === flow && settings.attach === undefined;
}
