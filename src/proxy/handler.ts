import { TokenwardError } from '../errors.ts';
import { ClientDisconnected, releaseBody, type RequestBody } from '../http/message.ts';
import type { InboundRequest, OutboundResponse, RequestHandler } from '../http/server/exchange.ts';
import type { UpstreamResponse } from '../http/client/response.ts';
import type { LegacyLogin } from '../flows/flow.ts';
import type { Token } from '../tokens/token.ts';
import { chooseAccount } from './account.ts';
import type { Caller } from './caller.ts';
import { pathOf, RequestContext, type Proxy } from './context.ts';
import { expectBody } from './expected-body.ts';
import { fail, finish } from './finish.ts';
import { howAsked, rulesFor } from './forwarded.ts';
import { addRequestId, repeatsSecret, responseHeaders } from './headers.ts';
import { checkOwnPage, checkProtocol, switchFields } from './handshake-rules.ts';
import { legacyLoginResponse, loginResponse } from './legacy-login.ts';
import { enforcePolicy } from './enforce-policy.ts';
import { noteUnrouted } from './note-refusal.ts';
import { relay } from './relay.ts';
import { replayIfRejected, isReplayable, NO_FIELDS, type Attempt } from './renew.ts';
import { readBody } from './request-body.ts';
import { respondWithJson, sendContinue } from './respond.ts';
import { upstreamTarget, type Route } from './route.ts';
import { ownOrigin, send } from './send.ts';
import { checkEncodedPath } from './target.ts';
import { beginTrace } from './trace.ts';
import { responseBegins, waitForBody, waitForToken } from './timing.ts';
import { announcedOf, trailersAnnounced } from './trailers.ts';
import { checkRequest } from './validate.ts';

/**
 * The steps of a request on its route; `createRequestPath` has those before. Beside each step: the statuses that it may
 * respond with. A step that returns no promise is not awaited: one turn of the event loop per step would be a tenth of
 * a small request's time.
 */
async function serve(proxy: Proxy, ctx: RequestContext, route: Route): Promise<void> {
  enterRoute(proxy, ctx, route); // 400 501 503
  const identified = identify(proxy, ctx, route); // 401 403 429 503
  const caller = identified instanceof Promise ? await identified : identified;
  if (ctx.request.upgradeTo !== undefined) admitHandshake(proxy, ctx, ctx.request.upgradeTo, caller); // 403 503
  const path = pathOf(upstreamTarget(route, ctx.target));
  enforcePolicy(proxy, ctx, route, caller, path); // 403
  const login = legacyLoginResponse(route, ctx.method, path); // 403
  const account = selectAccount(ctx, route, caller); // 400 403 404
  ctx.account = account;
  if (login !== undefined) {
    // Only routes with an account have responses to logins.
    await respondToLogin(proxy, ctx, route, caller, account!, login); // 200 502 503
    return;
  }
  const received = receiveBody(proxy, ctx, route); // 408 413
  const body = received instanceof Promise ? await waitForBody(ctx, received) : received;
  setBody(ctx, body);
  const obtained = getToken(proxy, ctx, route, account, body); // 502 503
  const token = obtained instanceof Promise ? await waitForToken(ctx, obtained) : obtained;
  const upstreamResponse = await send(proxy, ctx, route, body, token); // 400 413 502 503 504
  if (proxy.outages.active) proxy.outages.recovered(route.name);
  const first = { response: upstreamResponse, token, extraFields: NO_FIELDS };
  const final = replayIfRejected(proxy, ctx, route, account, body, first); // 502 503 504
  respond(proxy, ctx, route, final instanceof Promise ? await final : final);
}

/** The request path for both engines: the fast engine matches routes itself, Express has them mounted. */
export interface RequestPath {
  /** The whole path, for an engine without routes of its own. */
  readonly handle: RequestHandler;
  /** The steps before routing. Undefined: the request has been refused. */
  begin(request: InboundRequest, response: OutboundResponse): RequestContext | undefined;
  /** The steps from routing on. Undefined route: none matches. */
  proceed(ctx: RequestContext, route: Route | undefined): void;
}

/** Every client request passes through here. */
export function createRequestPath(proxy: Proxy): RequestPath {
  const begin = (request: InboundRequest, response: OutboundResponse): RequestContext | undefined => {
    const asked = howAsked(request, proxy.siteRules);
    const ctx = new RequestContext(request, response, asked);
    if (proxy.tracing !== undefined) ctx.trace = beginTrace(proxy.tracing, request, ctx.startedAt);
    response.on('close', () => finish(proxy, ctx));
    try {
      validate(proxy, ctx); // 400 403 405 414 417 431 501 503 508
      return ctx;
    } catch (error) {
      refuse(proxy, ctx, error);
      return undefined;
    }
  };
  const proceed = (ctx: RequestContext, route: Route | undefined): void => {
    if (route === undefined)
      refuse(proxy, ctx, new TokenwardError('route_unknown')); // 404
    else serve(proxy, ctx, route).catch((error: unknown) => fail(proxy, ctx, error));
  };
  return {
    begin,
    proceed,
    handle(request, response) {
      const ctx = begin(request, response);
      if (ctx !== undefined) proceed(ctx, proxy.routes.match(ctx.target, request.field('host')));
    },
  };
}

/**
 * Deferred: node:http emits a request at the end of its header section, and may have the whole of it a moment later.
 */
function refuse(proxy: Proxy, ctx: RequestContext, error: unknown): void {
  noteUnrouted(proxy, ctx, error);
  queueMicrotask(() => fail(proxy, ctx, error));
}

function validate({ viaName, siteRules, concurrency }: Proxy, { request, asked, heldSlots }: RequestContext): void {
  checkRequest(request, viaName, rulesFor(request, asked, siteRules));
  concurrency.enter(heldSlots);
}

function enterRoute({ concurrency }: Proxy, ctx: RequestContext, route: Route): void {
  ctx.route = route;
  concurrency.enterRoute(ctx.heldSlots, route.stats, route.name);
  if (route.config.encodedPaths === 'refuse') checkEncodedPath(ctx.target, route);
  if (ctx.request.upgradeTo !== undefined) checkProtocol(ctx.request, ctx.request.upgradeTo, route);
}

/** A place among the connections that have left HTTP/1.1, which it takes from here on. */
function admitHandshake(proxy: Proxy, ctx: RequestContext, protocol: string, caller: Caller | undefined): void {
  if (caller !== undefined) checkOwnPage(ctx.request, proxy.siteRules);
  proxy.upgrades.admit(ctx, protocol, caller?.name);
}

/**
 * Responds to an application's own login. With the account's own error if that has no usable token: the application
 * would take a good response for a working login, and every request after it would fail.
 */
async function respondToLogin(
  proxy: Proxy,
  ctx: RequestContext,
  route: Route,
  caller: Caller | undefined,
  account: string,
  login: LegacyLogin,
): Promise<void> {
  const standIn = caller && proxy.callers?.standInFor(caller, ctx.request, route.standIn, ctx.asked);
  const obtained = proxy.tokens.get(account, ctx);
  const token = obtained instanceof Promise ? await waitForToken(ctx, obtained) : obtained;
  if (ctx.clientGone) throw new ClientDisconnected();
  responseBegins(ctx);
  const document = loginResponse(login, account, token, proxy.clock.wall(), standIn);
  respondWithJson(ctx.response, document, proxy.readIdleMs, ctx);
}

/** The caller; undefined if callers are not authenticated. No caller can take the slots of all others. */
function identify(proxy: Proxy, ctx: RequestContext, route: Route): Caller | undefined | Promise<Caller> {
  const caller = proxy.callers?.identify(ctx.request, route, ctx.asked);
  if (caller instanceof Promise) return caller.then((found) => admit(proxy, ctx, found));
  return caller && admit(proxy, ctx, caller);
}

function admit({ concurrency, metrics }: Proxy, ctx: RequestContext, caller: Caller): Caller {
  if (ctx.clientGone) throw new ClientDisconnected();
  const stats = metrics.caller(caller.name);
  ctx.caller = caller.name;
  try {
    concurrency.enterCaller(ctx.heldSlots, stats, caller.name);
    stats.admitted += 1;
    return caller;
  } catch (error) {
    stats.refused += 1;
    throw error;
  }
}

function selectAccount(
  { request }: RequestContext,
  { accountChoice, account }: Route,
  caller: Caller | undefined,
): string | undefined {
  return accountChoice === undefined ? account : chooseAccount(accountChoice, request, caller);
}

function receiveBody(
  proxy: Proxy,
  { request, response }: RequestContext,
  { config, attach, spill }: Route,
): RequestBody | Promise<RequestBody> {
  const { maxReplayBody: maxBufferedBytes, maxBody: maxBytes = Infinity } = config;
  const limits = { maxBufferedBytes, maxBytes, watchdog: proxy.bodyWatchdog, budget: proxy.buffers, spill };
  if (request.expectsContinue) {
    const ask = (): void => sendContinue(request, response);
    const expected = attach?.needsContent === true ? undefined : expectBody(request, limits, ask);
    if (expected !== undefined) return expected;
  }
  const body = readBody(request, limits);
  sendContinue(request, response);
  return body;
}

function setBody(ctx: RequestContext, body: RequestBody): void {
  ctx.body = body;
  if (!ctx.clientGone) return;
  releaseBody(body);
  throw new ClientDisconnected();
}

/** A request that perhaps cannot be replayed is sent with a token that does not expire soon. */
function getToken(
  { tokens }: Proxy,
  ctx: RequestContext,
  route: Route,
  account: string | undefined,
  body: RequestBody,
): Token | undefined | Promise<Token> {
  if (account === undefined) return undefined;
  const isInMemory = body.kind === 'none' || body.kind === 'buffered';
  return isInMemory && isReplayable(route, body) ? tokens.get(account, ctx) : tokens.getLasting(account, ctx);
}

function respond(
  proxy: Proxy,
  ctx: RequestContext,
  route: Route,
  { response: upstreamResponse, token, extraFields }: Attempt,
): void {
  const { request, response, target, attachment, place, body } = ctx;
  responseBegins(ctx);
  if (attachment !== undefined && attachment.cookies.length > 0 && token !== undefined)
    route.attach?.keepCookies(token, upstreamResponse.fields('set-cookie'));
  const headers = responseHeaders(upstreamResponse.headers, place ?? route, attachment, ownOrigin(request), target);
  if (repeatsSecret(upstreamResponse.statusText, route, attachment)) upstreamResponse.statusText = '';
  headers.push(...extraFields);
  addRequestId(headers, ctx.id);
  if (ctx.handshake !== undefined && upstreamResponse.switched !== undefined) {
    proxy.upgrades.join(ctx, route, upstreamResponse, switchFields(headers, ctx.handshake.protocol));
    return;
  }
  // It is not sent again. What the upstream did not want must not block the client, which may read only then.
  if (body?.kind === 'spilled' || body?.kind === 'expected') body.release();
  const isUnread = body?.kind === 'expected' && !body.asked;
  const announced = request.takesTrailers === true ? trailersAnnounced(upstreamResponse, ctx.method) : undefined;
  const trailers = announced && ((): [string, string][] => trailersFor(ctx, route, upstreamResponse, announced));
  if (announced !== undefined) headers.push('trailer', announced.join(', '));
  relay(upstreamResponse, response, headers, proxy.readIdleMs, isUnread ? request : undefined, trailers);
}

/** The trailer fields for the client, once they are there. They may repeat a secret no more than other fields may. */
function trailersFor(
  { request, target, attachment, place }: RequestContext,
  route: Route,
  { trailers = [] }: UpstreamResponse,
  announced: readonly string[],
): [string, string][] {
  return announcedOf(responseHeaders(trailers, place ?? route, attachment, ownOrigin(request), target), announced);
}
