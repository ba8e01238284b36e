import { ClientDisconnected, type RequestBody } from '../http/message.ts';
import type { UpstreamResponse } from '../http/client/response.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import type { Token } from '../tokens/token.ts';
import type { Proxy, RequestContext } from './context.ts';
import { requestHeaders, withParameter } from './headers.ts';
import { upstreamTarget, type Route } from './route.ts';

/** Attaches the token and sends the request. Resolves once the response's header section is here. */
export function send(
  { viaName }: Proxy,
  ctx: RequestContext,
  route: Route,
  body: RequestBody,
  token: Token | undefined,
): Promise<UpstreamResponse> {
  if (ctx.clientGone) throw new ClientDisconnected();
  const attachment = token === undefined ? undefined : route.attach?.(token);
  let target = upstreamTarget(route, ctx.target);
  if (attachment?.query !== undefined) target = withParameter(target, attachment.query);
  const headers = requestHeaders(
    ctx.request.rawHeaders,
    route,
    attachment,
    viaName,
    forwardedFields(route, ctx.request),
  );
  return route.upstream.send({ method: ctx.method, target, headers, body }, (upstreamResponse) => {
    ctx.upstreamResponse = upstreamResponse;
    // The client may have disconnected during the connection attempt.
    if (ctx.clientGone) upstreamResponse.cancel();
  });
}

/** X-Forwarded fields, on routes with `forwarded: add`. */
function forwardedFields(route: Route, request: InboundRequest): readonly string[] {
  if (route.config.forwarded !== 'add') return [];
  return [
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
