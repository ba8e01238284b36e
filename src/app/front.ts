import type { IncomingMessage, ServerResponse } from 'node:http';
import { Router, type Express, type Response } from 'express';
import type { Listener } from '../config/schema/listen.ts';
import { TokenwardError } from '../errors.ts';
import { newRequestId } from '../http/request-id.ts';
import type { InboundRequest, RequestHandler } from '../http/server/exchange.ts';
import { createExpress } from '../http/server/express.ts';
import { describeFault, type Logger } from '../log.ts';
import type { UpgradeHandler } from '../http/server/upgrade.ts';
import type { Proxy, RequestContext } from '../proxy/context.ts';
import { createRequestPath, type RequestPath } from '../proxy/handler.ts';
import { respondWithError } from '../proxy/respond.ts';
import type { Route } from '../proxy/route.ts';
import type { RouteTable } from '../proxy/route-table.ts';

/** The engine that reads requests first. Of several listeners, one is enough to use the fast engine. */
export function engineOf(listeners: readonly Listener[]): 'fast' | 'express' {
  return listeners.some(({ engine }) => engine === 'fast') ? 'fast' : 'express';
}

/** What requests are served with under one configuration. */
interface Served {
  readonly path: RequestPath;
  readonly routes: RouteTable;
  readonly tables: ReadonlyMap<readonly Route[], Router>;
  readonly protocols: ReadonlySet<string>;
}

/**
 * The front: every request is validated, then goes to the route with its prefix, or gets 404. One mount per route, the
 * longest prefix first; letter case and slashes count, as in the fast engine, which has the same table (`matchRoute`).
 * One application for all configurations, because requests have its prototype: a reload replaces what is mounted.
 */
export class Front {
  readonly app = createExpress();
  /** For requests that are refused before they can be read. */
  access: Proxy['access'];
  #served!: Served;

  constructor(log: Logger) {
    const front: Express = this.app;
    front.use((request, response, next) => {
      const served = this.#served;
      // Requests of these servers are InboundRequests, which Express's types do not know.
      const context = served.path.begin(request as unknown as InboundRequest, response);
      if (context === undefined) return;
      // A reload may come before the next step.
      Object.assign(response.locals, { served, context });
      next();
    });
    front.use((request, response, next) => {
      const { tables, routes } = servedOf(response);
      tables.get(routes.routesOf(request.headers.host))!(request, response, next);
    });
    front.use((_request, response) => servedOf(response).path.proceed(contextOf(response), undefined));
    // Reached only by an error of Express itself.
    front.use((error: unknown, request: IncomingMessage, response: ServerResponse, _next: unknown) => {
      log.error('unexpected fault before the request handler', { detail: describeFault(error) });
      respondWithError(request as unknown as InboundRequest, response, new TokenwardError('request_malformed'), 0, {
        id: newRequestId(),
        ownBytes: 0,
      });
    });
  }

  /** From now on requests are served so. Those in flight end as they began. */
  serve(proxy: Proxy): void {
    const path = createRequestPath(proxy);
    const { routes } = proxy;
    this.access = proxy.access;
    this.#served = {
      path,
      routes,
      tables: new Map(routes.lists.map((list) => [list, tableOf(list, path)])),
      protocols: new Set(routes.all.flatMap(({ config }) => config.upgrade)),
    };
  }

  /** The same for an engine without Express. */
  readonly handle: RequestHandler = (request, response) => this.#served.path.handle(request, response);

  /** Answers requests for another protocol, where a route allows that. */
  readonly upgrades: UpgradeHandler = {
    knows: (protocol) => this.#served.protocols.has(protocol.toLowerCase()),
    handle: this.handle,
  };
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

function servedOf(response: Response): Served {
  return response.locals['served'] as Served;
}

function contextOf(response: Response): RequestContext {
  return response.locals['context'] as RequestContext;
}
