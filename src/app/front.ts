import type { IncomingMessage, ServerResponse } from 'node:http';
import { Router, type Express, type Response } from 'express';
import type { Listener } from '../config/schema/listen.ts';
import { TokenwardError } from '../errors.ts';
import { newRequestId } from '../http/request-id.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import { createExpress } from '../http/server/express.ts';
import { describeFault, type Logger } from '../log.ts';
import type { RequestContext } from '../proxy/context.ts';
import type { RequestPath } from '../proxy/handler.ts';
import { respondWithError } from '../proxy/respond.ts';
import type { Route } from '../proxy/route.ts';
import type { RouteTable } from '../proxy/route-table.ts';

/**
 * The engine that reads requests first. With TLS it is always Express, because the cost of reading a request is small
 * beside it. A socket beside a TLS port has no TLS. Of several listeners, one is enough to use the fast engine.
 */
export function engineOf(listeners: readonly Listener[]): 'fast' | 'express' {
  const isFast = listeners.some(
    ({ engine, tls, socket }) => engine === 'fast' && (tls === undefined || socket !== undefined),
  );
  return isFast ? 'fast' : 'express';
}

/**
 * The front: every request is validated, then goes to the route with its prefix, or gets 404. One mount per route, the
 * longest prefix first; letter case and slashes count, as in the fast engine, which has the same table (`matchRoute`).
 */
export function createFront(routes: RouteTable, path: RequestPath, log: Logger): Express {
  const front = createExpress();
  const tables = new Map(routes.lists.map((list) => [list, tableOf(list, path)]));
  front.use((request, response, next) => {
    // Requests of these servers are InboundRequests, which Express's types do not know.
    const context = path.begin(request as unknown as InboundRequest, response);
    if (context === undefined) return;
    response.locals['context'] = context;
    next();
  });
  front.use((request, response, next) => tables.get(routes.routesOf(request.headers.host))!(request, response, next));
  front.use((_request, response) => path.proceed(contextOf(response), undefined));
  // Reached only by an error of Express itself.
  front.use((error: unknown, request: IncomingMessage, response: ServerResponse, _next: unknown) => {
    log.error('unexpected fault before the request handler', { detail: describeFault(error) });
    respondWithError(request as unknown as InboundRequest, response, new TokenwardError('request_malformed'), 0, {
      id: newRequestId(),
      ownBytes: 0,
    });
  });
  return front;
}

function tableOf(routes: readonly Route[], path: RequestPath): Router {
  const table = Router({ caseSensitive: true, strict: true });
  for (const route of routes) {
    // A prefix has only letters, digits, dots and dashes, none of which is a pattern to Express.
    table.use(route.prefix === '' ? '/' : route.prefix, (_request, response) =>
      path.proceed(contextOf(response), route),
    );
  }
  return table;
}

function contextOf(response: Response): RequestContext {
  return response.locals['context'] as RequestContext;
}
