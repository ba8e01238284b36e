import type { LoadedConfig } from '../config/load.ts';
import type { CallerConfig } from '../config/schema.ts';
import type { Listener } from '../config/schema/listen.ts';
import { TokenwardError } from '../errors.ts';
import type { Attachment } from '../flows/attach.ts';
import { allowList } from '../forward/allow-list.ts';
import { API_KEY, CLIENT_CREDENTIALS, FORWARDING, X_FORWARDED } from '../http/field-names.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import { Metrics } from '../metrics.ts';
import { chooseAccount } from '../proxy/account.ts';
import { accountPatterns } from '../proxy/account-patterns.ts';
import { requestHeaders, withParameter } from '../proxy/headers.ts';
import { legacyLoginResponse } from '../proxy/legacy-login.ts';
import { evaluatePolicy, policyError } from '../proxy/policy.ts';
import { RouteTable } from '../proxy/route-table.ts';
import { upstreamTarget, type Route } from '../proxy/route.ts';
import { checkEncodedPath, checkTarget } from '../proxy/target.ts';
import { VERSION } from '../version.ts';
import { egressProxy } from './egress-proxy.ts';
import { routeOf } from './routes.ts';
import { Upstreams } from './upstreams.ts';
import { FlowTrial } from './try-flow.ts';

/** A request that nobody sends. */
export interface ExplainedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** The URL's host, with its port unless that is the scheme's; undefined: the proxy's own. */
  readonly host: string | undefined;
  readonly port: number;
  /** Names and values in turn. */
  readonly fields: readonly string[];
  /** The name of a configured caller. */
  readonly caller: string | undefined;
}

/** What would become of it. It holds no secrets. */
export interface Explanation {
  /** forwarded; answered: by the route's legacyLogin; tunnelled: unread; refused. */
  readonly outcome: 'forwarded' | 'answered' | 'tunnelled' | 'refused';
  /** The error code of a refusal, and why. */
  readonly code?: string;
  readonly reason?: string;
  readonly route?: string;
  readonly reached?: string;
  readonly caller?: string;
  readonly account?: string;
  readonly flow?: string;
  readonly policy?: string;
  readonly legacyLogin?: string;
  /** Method and URL as the upstream gets them. */
  readonly upstream?: string;
  /** Header fields that are added, with their values masked; other parts of the request that the token adds. */
  readonly added?: readonly string[];
  /** Fields of the request, or of the common ones, that are not forwarded. */
  readonly removed?: readonly string[];
}

/** Common fields that a route may drop. */
const OFTEN_DROPPED = [...CLIENT_CREDENTIALS, API_KEY, 'cookie', ...FORWARDING, ...X_FORWARDED];

/** Explains a request by the rules of `serve`; nothing is sent and nothing is read but the configuration. */
export function explainRequest(config: LoadedConfig, request: ExplainedRequest): Explanation {
  const metrics = new Metrics(VERSION, 'fast');
  const via = egressProxy(config);
  const upstreams = new Upstreams();
  try {
    const routes = config.routes.map((route) => {
      const { connect } = upstreams.of(route, config.source.tlsFiles, config.egressProxy, via);
      return routeOf(route, config, { metrics, connect, valuesOf: () => ({}) });
    });
    return explained(config, new RouteTable(routes), request);
  } finally {
    upstreams.close();
  }
}

function explained(config: LoadedConfig, routes: RouteTable, request: ExplainedRequest): Explanation {
  const { host, target, method } = request;
  const isOwn = host === undefined || isOurs(config.listeners, host, request.port);
  const byHost = host !== undefined && routes.all.some(({ config: { host: named } }) => named === host.toLowerCase());
  if (!isOwn && !byHost) return elsewhere(config, request);
  const reached = byHost
    ? `by its host name: a forward proxy, tokenward run, or a DNS alias leads here`
    : 'at the proxy itself';
  let known: Explanation = { outcome: 'forwarded', reached };
  try {
    checkTarget(target);
    const route = routes.match(target, host);
    if (route === undefined) throw new TokenwardError('route_unknown');
    known = { ...known, route: route.name };
    if (route.config.encodedPaths === 'refuse') checkEncodedPath(target, route);
    const caller = callerOf(config, route, request.caller);
    known = { ...known, caller: caller?.name ?? (config.callers === 'none' ? 'anyone' : 'one with a key') };
    const path = upstreamTarget(route, target).split('?', 1)[0]!;
    known = { ...known, policy: policyOf(route, method, path) };
    const login = legacyLoginResponse(route, method, path);
    known = { ...known, legacyLogin: route.config.legacyLogin };
    const account = accountOf(route, request, caller);
    if (account !== undefined) known = { ...known, account };
    if (login !== undefined) return { ...known, outcome: 'answered', reason: 'a login of the application itself' };
    return { ...known, ...sent(config, route, request, account) };
  } catch (error) {
    if (!(error instanceof TokenwardError)) throw error;
    return { ...known, outcome: 'refused', code: error.code, reason: error.detail ?? error.message };
  }
}

/** Whether a URL names this proxy. Any IP address may be one of this host's. */
function isOurs(listeners: readonly Listener[], host: string, port: number): boolean {
  const isAddress = /^(localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i.test(host);
  return listeners.some((listen) => {
    const named = [listen.host, ...listen.hosts].includes(host);
    return named || (isAddress && listen.port === port);
  });
}

/** A host of no route: for a forward proxy, the target of a tunnel. */
function elsewhere({ listeners, routes }: LoadedConfig, { host = '', port }: ExplainedRequest): Explanation {
  const forwarding = listeners.filter(({ forward }) => forward !== undefined);
  const isTunnel = forwarding.some(({ forward }) => allowList(forward!.tunnel)({ host, port }));
  if (isTunnel)
    return { outcome: 'tunnelled', reason: 'listen.forward.tunnel lets it through, unread and without a token' };
  const alike = routes.filter(({ upstream }) => new URL(upstream).hostname === host).map(({ name }) => name);
  const hint =
    alike.length === 0
      ? ''
      : `; it is the upstream of ${alike.join(', ')}, so that tokenward run leads there, and a route with ` +
        `host: ${host} would`;
  const reason = `no route has the host ${host}${hint}`;
  return forwarding.length > 0
    ? { outcome: 'refused', code: 'forward_refused', reason }
    : { outcome: 'refused', reason: `${reason}; such a request does not come here: there is no listen.forward` };
}

/** The caller that was named. Throws a TokenwardError if it may not use the route. */
function callerOf({ callers }: LoadedConfig, { name }: Route, wanted: string | undefined): CallerConfig | undefined {
  if (wanted === undefined || callers === 'none') return undefined;
  const caller = callers.find((one) => one.name === wanted)!;
  if (caller.routes !== undefined && !caller.routes.includes(name))
    throw new TokenwardError('caller_not_allowed', { detail: `callers: ${wanted} may not use the route ${name}` });
  return caller;
}

/** The verdict of the route's policy. Throws a TokenwardError if that refuses the request. */
function policyOf(route: Route, method: string, path: string): string {
  if (route.policy === undefined) return 'none: every request is allowed';
  const verdict = evaluatePolicy(route.policy, method, path);
  if (verdict === undefined) return 'allowed';
  const error = policyError(route.policy, verdict, route.name, method, path);
  if (route.config.policy?.mode !== 'report') throw error;
  return `reported only (mode: report): ${error.detail ?? verdict}`;
}

function accountOf(route: Route, { fields }: ExplainedRequest, caller: CallerConfig | undefined): string | undefined {
  if (route.accountChoice === undefined) return route.account;
  const field = (wanted: string): string | undefined => {
    const at = fields.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === wanted);
    return at === -1 ? undefined : fields[at + 1];
  };
  const known = caller && { account: caller.account, accounts: accountPatterns(caller.accounts) };
  return chooseAccount(
    route.accountChoice,
    { field } as Pick<InboundRequest, 'field'> as InboundRequest,
    known as Parameters<typeof chooseAccount>[2],
  );
}

/** The request as the upstream gets it. */
function sent(
  config: LoadedConfig,
  route: Route,
  { method, target, fields }: ExplainedRequest,
  account: string | undefined,
): Partial<Explanation> {
  const trial = account === undefined ? undefined : new FlowTrial(config, account, true);
  const attachment = trial?.attachment(trial.tokenOf(undefined));
  const secretNames = config.secretHeaders.get(route.name) ?? [];
  const { addedFields = [] } = route;
  const before = new Set(fields.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()));
  const headers = requestHeaders(fields, route, undefined, 'tokenward');
  const forwarded = new Set(headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()));
  let url = upstreamTarget(route, target, trial && attachment !== undefined ? trial.mask.text(attachment.path) : '');
  for (const parameter of attachment?.query ?? []) url = withParameter(url, trial!.mask.form(parameter));
  return {
    ...(trial !== undefined && { flow: trial.flowName }),
    upstream: `${method} ${route.origin}${trial?.mask.url(url) ?? url}`,
    added: [
      ...pairs(addedFields).map(
        ([name, value]) => `${name}: ${secretNames.includes(name) ? '…' : (trial?.mask.text(value) ?? value)}`,
      ),
      ...(trial === undefined || attachment === undefined ? [] : attached(trial, attachment)),
    ],
    removed:
      before.size > 0
        ? [...before].filter((name) => name !== 'host' && !forwarded.has(name))
        : OFTEN_DROPPED.filter((name) => route.dropsField(name)),
  };
}

/** What the token adds, masked. */
function attached(trial: FlowTrial, { headers, query, cookies, path, body, signing }: Attachment): string[] {
  const { mask } = trial;
  const cookieNames = cookies.map((pair) => pair.slice(0, pair.indexOf('=')));
  return [
    ...pairs(headers).map(([name, value]) => `${name}: ${mask.header(name, value)}`),
    ...(cookieNames.length === 0 ? [] : [`Cookie: ${cookieNames.map((name) => `${name}=…`).join('; ')}`]),
    ...query.map((parameter) => `in the query: ${mask.form(parameter)}`),
    ...(path === '' ? [] : [`before the path: ${mask.text(path)}`]),
    ...body.map(({ kind, at }) => `in the body: ${kind} ${at}`),
    ...(signing === undefined ? [] : ['a signature of the request']),
  ];
}

function pairs(fields: readonly string[]): (readonly [name: string, value: string])[] {
  return fields.flatMap((name, index) => (index % 2 === 0 ? [[name, fields[index + 1]!] as const] : []));
}
