import { TokenwardError } from '../errors.ts';
import { canSendAgain, ClientDisconnected, type ExpectedBody, type RequestBody } from '../http/message.ts';
import type { UpstreamResponse } from '../http/client/response.ts';
import { REQUEST_ID } from '../http/request-id.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import type { Attachment } from '../flows/attach.ts';
import type { Token } from '../tokens/token.ts';
import type { Signature } from '../flows/sign/request-to-sign.ts';
import type { Signing } from '../flows/signing.ts';
import type { UpstreamRequest } from '../http/client/request.ts';
import { attachToBody } from './attach-body.ts';
import { signRequest } from './sign-request.ts';
import type { Proxy, RequestContext } from './context.ts';
import { withUpstreamOrigin } from './handshake-rules.ts';
import { passEarlyHints } from './early-hints.ts';
import { requestHeaders, withParameter } from './headers.ts';
import { upstreamTarget, type Route } from './route.ts';
import { beginAttempt } from './timing.ts';
import { traceAttempt } from './trace.ts';

/** Attaches the token and sends the request. Resolves once the response's header section is here. */
export function send(
  proxy: Proxy,
  ctx: RequestContext,
  configured: Route,
  body: RequestBody,
  token: Token | undefined,
): Promise<UpstreamResponse> {
  if (ctx.clientGone) throw new ClientDisconnected();
  let attachment: Attachment | undefined;
  let route: Route;
  try {
    attachment = attachmentFor(ctx, configured, token);
    route = placeOf(ctx, configured, token);
  } catch (error) {
    throw unsendable(proxy, ctx, token, error);
  }
  ctx.attachment = attachment;
  ctx.generation = token?.generation;
  ctx.place = route;
  let target = upstreamTarget(route, ctx.target, attachment?.path);
  if (attachment !== undefined) for (const parameter of attachment.query) target = withParameter(target, parameter);
  const headers = requestHeaders(ctx.request.rawHeaders, route, attachment, proxy.viaName, addedFields(route, ctx));
  const sent =
    attachment === undefined || attachment.body.length === 0 ? body : attachToBody(body, attachment.body, ctx.request);
  const { takesTrailers } = ctx.request;
  const onEarlyHints =
    route.config.earlyHints === 'pass'
      ? (fields: string[]): void => passEarlyHints(ctx, route, fields, ownOrigin(ctx.request))
      : undefined;
  const request = { method: ctx.method, target, headers, body: sent, takesTrailers, onEarlyHints };
  const { signing } = attachment ?? {};
  if (signing === undefined) return dispatch(ctx, route, request);
  return signAndSend(ctx, route, request, signing).catch((error: unknown) => {
    throw unsendable(proxy, ctx, token, error);
  });
}

/** The error, after the account's status has got it if it is the token's: every request will get it. */
function unsendable({ tokens }: Proxy, { account }: RequestContext, token: Token | undefined, error: unknown): unknown {
  const isOfToken =
    error instanceof TokenwardError && (error.code === 'token_unavailable' || error.code === 'upstream_not_allowed');
  if (isOfToken && account !== undefined && token !== undefined) tokens.unsendable(account, token, error.detail ?? '');
  return error;
}

function dispatch(ctx: RequestContext, route: Route, request: UpstreamRequest): Promise<UpstreamResponse> {
  const { body } = request;
  return body.kind === 'expected' ? dispatchExpected(ctx, route, request, body) : dispatchOnce(ctx, route, request);
}

function dispatchOnce(ctx: RequestContext, route: Route, untraced: UpstreamRequest): Promise<UpstreamResponse> {
  beginAttempt(ctx);
  // Behind a signature, which may cover every field there is: intermediaries may change these.
  const request = ctx.trace === undefined ? untraced : traceAttempt(ctx.trace, ctx, route, untraced);
  const onStart = (upstreamResponse: UpstreamResponse): void => {
    ctx.attempts += 1;
    ctx.upstreamResponse = upstreamResponse;
    // The client may have disconnected during the connection attempt.
    if (ctx.clientGone) upstreamResponse.cancel();
  };
  const { handshake } = ctx;
  if (handshake === undefined) return route.upstream.send(request, onStart);
  const headers = withUpstreamOrigin([...request.headers], ownOrigin(ctx.request), route.origin);
  return route.upstream.handshake({ ...request, headers }, handshake.protocol, onStart);
}

/** RFC 9110 §15.5.18: an upstream that does not know the expectation has done nothing, and gets the request without. */
async function dispatchExpected(
  ctx: RequestContext,
  route: Route,
  request: UpstreamRequest,
  body: ExpectedBody,
): Promise<UpstreamResponse> {
  const response = await dispatchOnce(ctx, route, request);
  if (response.status !== 417 || body.asked) return response;
  response.discard();
  body.ask();
  return dispatchOnce(ctx, route, request);
}

/**
 * Signs the request and sends it. If the upstream asks for another signature (a challenge of HTTP Digest, a nonce of
 * DPoP), it is sent once more: the upstream has not acted on it.
 */
async function signAndSend(
  ctx: RequestContext,
  route: Route,
  request: UpstreamRequest,
  signing: Signing,
): Promise<UpstreamResponse> {
  const sendSigned = async (): Promise<{ response: UpstreamResponse; signatures: readonly Signature[] }> => {
    const { request: signed, signatures } = await signRequest(request, route.origin, signing);
    if (ctx.clientGone) throw new ClientDisconnected();
    return { response: await dispatch(ctx, route, signed), signatures };
  };
  const { response, signatures } = await sendSigned();
  const header = (name: string): string | undefined => response.header(name);
  if (response.status !== 401 || !signing.challenged(route.origin, header, signatures)) return response;
  if (!canSendAgain(request.body) || !route.config.replay) return response;
  response.discard();
  return (await sendSigned()).response;
}

function attachmentFor({ account }: RequestContext, route: Route, token: Token | undefined): Attachment | undefined {
  return token === undefined || account === undefined ? undefined : route.attach?.of(token, account);
}

/** The route, at the upstream that an answer has named if it did. */
function placeOf({ account }: RequestContext, route: Route, token: Token | undefined): Route {
  if (route.namedUpstream === undefined || token === undefined || account === undefined) return route;
  return route.namedUpstream.at(route, token, account);
}

/** Fields about the request: X-Forwarded-* on routes with `forwarded: add`, its id on those with `requestId: add`. */
function addedFields({ config }: Route, { request, id }: RequestContext): readonly string[] {
  const added = config.requestId === 'add' ? [REQUEST_ID, id] : [];
  if (config.forwarded !== 'add') return added;
  return [
    ...added,
    'x-forwarded-for',
    request.socket.remoteAddress ?? 'unknown',
    'x-forwarded-host',
    hostOf(request),
    'x-forwarded-proto',
    schemeOf(request),
  ];
}

function hostOf(request: InboundRequest): string {
  const host = request.field('host');
  return typeof host === 'string' ? host : '';
}

function schemeOf({ socket }: InboundRequest): string {
  return 'encrypted' in socket ? 'https' : 'http';
}

/** Scheme and host by which the client reached this proxy. */
export function ownOrigin(request: InboundRequest): string {
  return `${schemeOf(request)}://${hostOf(request)}`;
}
