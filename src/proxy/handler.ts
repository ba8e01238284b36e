import { TokenwardError } from '../errors.ts';
import { describeFault, type Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { field, type CallerAnswer, type CallerRequest, type RequestHandler } from '../http/server/exchange.ts';
import { systemClock } from '../tokens/clock.ts';
import type { TokenManager } from '../tokens/manager.ts';
import { Token } from '../tokens/token.ts';
import { toOriginForm } from './absolute-form.ts';
import { chooseAccount } from './account.ts';
import type { Admission, Slots } from './concurrency.ts';
import { answerError, answerJson, askForBody, discardRest } from './respond.ts';
import { CallerGone, takeBody, type BufferBudget, type RequestBody } from './request-body.ts';
import type { Caller, Callers } from './caller.ts';
import { checkRequest } from './validate.ts';
import { overridesOf, repeatsSecret, replyHeaders, requestHeaders, withParameter } from './headers.ts';
import { meansDeadToken, refusalWords } from './inspect.ts';
import { legacyLoginAnswer } from './legacy-login.ts';
import type { Patience } from '../http/stall-watchdog.ts';
import { judgeRequest, policyError } from './policy.ts';
import { Outages } from './outages.ts';
import { relay } from './relay.ts';
import { matchRoute, upstreamTarget, type Route } from './route.ts';
import type { Door } from './site-rules.ts';
import { checkEncodedPath } from './target.ts';
import { isUnreachable, reasonOf } from '../http/client/reason.ts';
import type { UncuredReplies } from './renewal-guard.ts';
import type { UpstreamReply } from '../http/client/response.ts';

/** What the request path works with. */
export interface Proxy {
  readonly routes: readonly Route[];
  /** Undefined: everybody may call. */
  readonly callers: Callers | undefined;
  /** What the listener asks of every request. */
  readonly door: Door;
  /** How this process calls itself in Via. */
  readonly viaName: string;
  readonly tokens: TokenManager;
  readonly uncured: UncuredReplies;
  readonly buffers: BufferBudget;
  readonly admission: Admission;
  /** How long a caller may stand still with his body. */
  readonly bodyPatience: Patience;
  /** How long a caller may stand still with reading his answer; 0: no limit. ms. */
  readonly readIdle: number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

type ProxyAndOutages = Proxy & { readonly outages: Outages };

/** One request on its way, as far as the end of its connection has to know. */
class Passage {
  readonly request: CallerRequest;
  readonly response: CallerAnswer;
  readonly target: string;
  readonly startedAt = performance.now();
  route: Route | undefined;
  body: RequestBody | undefined;
  exchange: UpstreamReply | undefined;
  gone = false;
  /** The places it takes of what may be answered at once. */
  readonly held: Slots[] = [];
  finished = false;

  constructor(request: CallerRequest, response: CallerAnswer) {
    this.request = request;
    this.response = response;
    this.target = request.url ?? '';
  }

  get method(): string {
    return this.request.method ?? 'GET';
  }
}

/** What is said of an upstream's own complaint about its token, in header fields of ours (docs/errors.md). */
const REPLAY_FIELD = 'x-tokenward-replay';
/** A newer one is there now, and the request may be sent again. */
const NOT_REPLAYED = [REPLAY_FIELD, 'not-replayed; may-resend'];
/** No renewal was made, because the ones before did not help. */
const HELD_BACK = 'held-back';

/** The request handler: every request of a legacy app comes through here. */
export function createHandler(parts: Proxy, outages = new Outages(systemClock, parts.log)): RequestHandler {
  const proxy: ProxyAndOutages = { ...parts, outages };
  return (request, response) => {
    toOriginForm(request, proxy.door.guard);
    const passage = new Passage(request, response);
    response.on('close', () => finish(proxy, passage));
    handle(proxy, passage).catch((error: unknown) => fail(proxy, passage, error));
  };
}

/** The path of a request, from top to bottom. */
async function handle(proxy: ProxyAndOutages, passage: Passage): Promise<void> {
  const { request, response, target } = passage;
  // 0. gate, 1. route
  const route = enter(proxy, passage);

  // 2. caller
  let caller = proxy.callers?.identify(request, route.config.prefix);
  if (caller instanceof Promise) {
    caller = await caller;
    if (passage.gone) throw new CallerGone();
  }
  if (caller !== undefined) admitCaller(proxy, passage, caller);
  const path = pathOf(upstreamTarget(route, target));
  checkPolicy(proxy, route, passage.method, path);
  if (route.config.methodOverride === 'pass') checkOverrides(proxy, route, passage, path);
  const legacyLogin = legacyLoginAnswer(route, passage.method, path);
  if (legacyLogin !== undefined) return answerJson(response, legacyLogin, proxy.readIdle);

  // 3. account
  const account = route.choice === undefined ? route.account : chooseAccount(route.choice, request, caller);

  // 4. body
  const taken = takeBody(request, { keep: route.config.maxReplayBody, most: route.config.maxBody ?? Infinity, patience: proxy.bodyPatience, budget: proxy.buffers });
  askForBody(request, response);
  const body = (passage.body = taken instanceof Promise ? await taken : taken);
  if (passage.gone) {
    if (body.kind === 'kept') body.release();
    throw new CallerGone();
  }

  // 5. token: what can be sent only once leaves with one that has time left
  let token: Token | undefined;
  const replayable = body.kind !== 'streamed' && route.config.replay;
  if (account !== undefined) {
    const got = replayable ? proxy.tokens.get(account) : proxy.tokens.getLasting(account);
    token = got instanceof Promise ? await got : got;
  }

  // 6. forward
  let reply = await forward(proxy, passage, route, body, token);
  if (proxy.outages.any) proxy.outages.over(route.name);

  // 7. inspect
  let note: readonly string[] = [];
  if (token !== undefined && route.deadToken !== undefined && account !== undefined) {
    const verdict = meansDeadToken(route.deadToken, passage.method, reply);
    if (verdict === true || (verdict !== false && (await verdict))) {
      // 8. renew
      const newer = await successor(proxy, passage, route, account, token, reply, replayable);
      if (!(newer instanceof Token)) {
        note = newer;
      } else if (replayable) {
        // 9. replay
        reply.discard();
        token = newer;
        reply = await replay(proxy, passage, route, account, body, newer);
      } else {
        note = NOT_REPLAYED;
        proxy.metrics.replays.inc({ route: route.name, outcome: 'skipped' });
      }
    } else if (reply.status < 400) {
      proxy.uncured.accepted(account, token.generation);
      proxy.tokens.accepted(account, token);
    }
  }

  // 10. relay
  const self = `${schemeOf(request)}://${hostOf(request)}`;
  const headers = replyHeaders(reply.headers, route, token?.reveal(), self, target);
  if (repeatsSecret(reply.statusText, route, token)) reply.statusText = '';
  headers.push(...note);
  relay(reply, response, headers, proxy.readIdle);
}

/** Steps 0 and 1. */
function enter(proxy: Proxy, passage: Passage): Route {
  const { request, target } = passage;
  // 0. gate
  checkRequest(request, proxy.viaName, proxy.door);
  proxy.admission.enter(passage.held);

  // 1. route
  const route = matchRoute(proxy.routes, target);
  if (route === undefined) throw new TokenwardError('route_unknown');
  passage.route = route;
  proxy.admission.enterRoute(passage.held, route.stats, route.name);
  if (route.config.encodedPaths === 'refuse') checkEncodedPath(target, route);
  return route;
}

/** Part of step 2: no caller takes the places of all others. */
function admitCaller({ admission, metrics }: Proxy, { held }: Passage, { name }: Caller): void {
  const stats = metrics.caller(name);
  try {
    admission.enterCaller(held, stats, name);
    stats.admitted += 1;
  } catch (error) {
    stats.refused += 1;
    throw error;
  }
}

/** Step 6: the request with this token on it. Resolves with the reply's head. */
function forward({ viaName }: Proxy, passage: Passage, route: Route, body: RequestBody, token: Token | undefined): Promise<UpstreamReply> {
  if (passage.gone) throw new CallerGone();
  const attachment = token === undefined ? undefined : route.attach?.(token);
  let target = upstreamTarget(route, passage.target);
  if (attachment?.query !== undefined) target = withParameter(target, attachment.query);
  const headers = requestHeaders(passage.request.rawHeaders, route, attachment, viaName, forwardedFields(route, passage.request));
  return route.upstream.send({ method: passage.method, target, headers, body }, (exchange) => {
    passage.exchange = exchange;
    // The caller may have left while the connection was being made.
    if (passage.gone) exchange.cancel();
  });
}

/**
 * Step 8: a newer token than the refused one. Header fields: renewing would be in vain, and the reply is to be relayed as
 * it is, with these. Throws if there should be one but none can be had: a dead token's 401 is our trouble, not the caller's.
 */
async function successor(proxy: Proxy, passage: Passage, route: Route, account: string, refused: Token, reply: UpstreamReply, replayable: boolean): Promise<Token | readonly string[]> {
  const { metrics, tokens, uncured } = proxy;
  const { generation } = refused;
  const count = (reason: string): void => metrics.deadTokenReplies.inc({ route: route.name, account: metrics.accountLabel(account), reason });
  if (!tokens.isCurrent(account, refused)) {
    count('late');
    return renewed(proxy, account, refused, reply, route);
  }
  if (uncured.isFirstRefusal(account, generation)) metrics.tokensRefused.inc({ account: metrics.accountLabel(account) });
  if (!tokens.canRenew(account)) {
    count('current');
    tokens.refused(account, refused);
    return [];
  }
  const hold = uncured.hold(account, callOf(passage, account), generation, replayable);
  if (hold !== undefined) {
    count('uncured');
    if (hold.token) tokens.refused(account, refused);
    // If the upstream says itself when to come back, it knows better.
    return [REPLAY_FIELD, HELD_BACK, ...(reply.header('retry-after') === undefined ? ['retry-after', String(Math.ceil(hold.wait / 1000))] : [])];
  }
  count('current');
  const newer = await renewed(proxy, account, refused, reply, route);
  if (replayable) uncured.onTrial(account, newer.generation);
  else uncured.untried(account, newer.generation);
  return newer;
}

async function renewed({ tokens }: Proxy, account: string, refused: Token, reply: UpstreamReply, route: Route): Promise<Token> {
  try {
    return await tokens.renew(account, refused, `${route.name} answered ${refusalWords(route.deadToken!, reply)}`);
  } catch (error) {
    reply.discard();
    throw error;
  }
}

/** Step 9: the same bytes again, once. Whatever comes back is the answer. */
async function replay(proxy: Proxy, passage: Passage, route: Route, account: string, body: RequestBody, token: Token): Promise<UpstreamReply> {
  const { metrics, uncured, tokens } = proxy;
  const { generation } = token;
  const count = (outcome: string): void => metrics.replays.inc({ route: route.name, outcome });
  let reply: UpstreamReply;
  try {
    reply = await forward(proxy, passage, route, body, token);
  } catch (error) {
    count('failed');
    uncured.trialFailed(account, generation);
    throw error;
  }
  if (route.deadToken !== undefined && (await meansDeadToken(route.deadToken, passage.method, reply))) {
    count('refused');
    if (uncured.isFirstRefusal(account, generation)) metrics.tokensRefused.inc({ account: metrics.accountLabel(account) });
    uncured.uncured(account, callOf(passage, account), generation);
    if (!uncured.isAccepted(account, generation)) tokens.refused(account, token);
    return reply;
  }
  count('cured');
  if (reply.status < 500) {
    // The same call, refused before and not any more: the token works, whatever else is wrong with the call.
    uncured.cured(account, callOf(passage, account), generation);
    uncured.accepted(account, generation);
    tokens.accepted(account, token);
  } else {
    uncured.trialFailed(account, generation);
  }
  return reply;
}

/** A call as the memory of uncured replies knows it: method and path, without the query; and whose it is, where accounts share a route. */
function callOf({ method, target, route }: Passage, account: string): string {
  return route?.choice === undefined ? `${method} ${pathOf(target)}` : `${method} ${pathOf(target)} ${account}`;
}

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}

/** Part of step 2: may this call go out at all? */
function checkPolicy({ metrics }: Proxy, route: Route, method: string, path: string): void {
  if (route.policy === undefined) return;
  const verdict = judgeRequest(route.policy, method, path);
  if (verdict === undefined) return;
  const enforced = route.config.policy?.mode !== 'report';
  metrics.policyVerdicts.inc({ route: route.name, reason: verdict, outcome: enforced ? 'refused' : 'reported' });
  if (enforced) throw policyError(route.policy, verdict, route.name, method, path);
}

/** The same for what the request says beside its first line, on a route that lets it: each method on each target that is named. */
function checkOverrides(proxy: Proxy, route: Route, { method, request }: Passage, path: string): void {
  const { methods, targets } = overridesOf(request.rawHeaders);
  if (methods.length === 0 && targets.length === 0) return;
  for (const one of [method, ...methods]) {
    for (const target of [path, ...targets.map(pathOfUrl)]) {
      if (one === method && target === path) continue;
      checkPolicy(proxy, route, one, target);
      if (route.config.legacyLogin !== 'forward' && legacyLoginAnswer(route, one, target) !== undefined) throw new TokenwardError('login_path_refused', { detail: `route ${route.name}: a header field names the upstream's login` });
    }
  }
}

/** The path of a target that a field names; of a whole URL too. */
function pathOfUrl(target: string): string {
  return pathOf(target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, ''));
}

/** What we say of the caller ourselves, on routes that want it. */
function forwardedFields(route: Route, request: CallerRequest): readonly string[] {
  if (route.config.forwarded !== 'add') return [];
  return ['x-forwarded-for', request.socket.remoteAddress ?? 'unknown', 'x-forwarded-host', hostOf(request), 'x-forwarded-proto', schemeOf(request)];
}

function hostOf(request: CallerRequest): string {
  const host = field(request, 'host');
  return typeof host === 'string' ? host : '';
}

function schemeOf({ socket }: CallerRequest): string {
  return 'encrypted' in socket ? 'https' : 'http';
}

/** The connection is done with the answer, or the caller has left it. */
function finish(proxy: Proxy, passage: Passage): void {
  if (passage.finished) return;
  passage.finished = true;
  const { response, route, exchange, body } = passage;
  if (!response.writableFinished) {
    passage.gone = true;
    exchange?.cancel();
  } else {
    discardRest(passage.request);
  }
  if (body?.kind === 'kept') body.release();
  proxy.admission.leave(passage.held);
  const stats = route === undefined ? proxy.metrics.route('unmatched') : route.stats;
  // 499: the caller left before there was an answer.
  stats.finished(response.headersSent ? response.statusCode : 499, (performance.now() - passage.startedAt) / 1000);
}

function fail(proxy: ProxyAndOutages, passage: Passage, error: unknown): void {
  const { request, response, route, exchange } = passage;
  exchange?.cancel();
  if (error instanceof CallerGone || passage.gone) {
    response.destroy();
    return;
  }
  let ours: TokenwardError;
  if (error instanceof TokenwardError) {
    ours = route !== undefined && error.code.startsWith('upstream_') ? explained(proxy, route, error) : error;
  } else {
    proxy.log.error('unexpected fault while handling a request', { ...(route && { route: route.name }), detail: describeFault(error) });
    ours = new TokenwardError('internal');
  }
  proxy.metrics.errors.inc({ route: route?.name ?? 'unmatched', reason: ours.code });
  proxy.log.debug('answered by ourselves', { ...(route && { route: route.name }), code: ours.code, ...(ours.detail !== undefined && { detail: ours.detail }) });
  answerError(request, response, ours, proxy.readIdle);
  // The answer is written. A body that is only read and thrown away from here on holds no place of another caller's.
  proxy.admission.leave(passage.held);
}

/** An error of the upstream's, with which route and upstream it is about and why. */
function explained({ outages }: ProxyAndOutages, route: Route, error: TokenwardError): TokenwardError {
  const upstream = hostPortOf(route.origin);
  const reason = reasonOf(error, route.config.timeouts);
  if (isUnreachable(error)) outages.failed(route.name, upstream, reason);
  return new TokenwardError(error.code, { detail: `route ${route.name}, upstream ${upstream}: ${reason}`, cause: error });
}

function hostPortOf(origin: string): string {
  const { protocol, hostname, port } = new URL(origin);
  return `${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`;
}
