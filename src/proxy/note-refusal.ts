import { TokenwardError } from '../errors.ts';
import { hostnameOf } from '../http/server/site-guard.ts';
import { absoluteOf } from './absolute-form.ts';
import { hostPatch, policyPatch, prefixPatch } from './allowing-patch.ts';
import type { Caller } from './caller.ts';
import type { Proxy, RequestContext } from './context.ts';
import { pathShape } from './path-shape.ts';
import type { Route } from './route.ts';

/** Lists a request that was refused before it had a route, if a route would have served it. */
export function noteUnrouted(proxy: Proxy, ctx: RequestContext, error: unknown): void {
  if (!(error instanceof TokenwardError)) return;
  if (error.code === 'route_unknown') void noteUnknownPath(proxy, ctx);
  else if (error.code === 'forward_refused') void noteUnknownHost(proxy, ctx);
}

/** Lists a request that the route's policy has refused. `path`: as the upstream would have got it. */
export function notePolicyRefusal(
  { refusedCalls }: Proxy,
  route: Route,
  caller: Caller | undefined,
  method: string,
  path: string,
): void {
  const { basePath, name } = route;
  const below = path.startsWith(basePath) ? path.slice(basePath.length) : path;
  refusedCalls.note(
    {
      ...(caller && { caller: caller.name }),
      ...{ kind: 'policy', route: name, method: printable(method), path: pathShape(below) },
    },
    () => policyPatch(route, method, path),
  );
}

/* What is told of a request is read before its caller is waited for: its connection may carry the next one by then. */

async function noteUnknownPath(proxy: Proxy, { request, asked, target, method }: RequestContext): Promise<void> {
  const [beside] = proxy.routes.routesOf(request.field('host'));
  const host = beside?.config.host;
  const caller = await proxy.callers?.nameOf(request, asked);
  proxy.refusedCalls.note(
    {
      ...(caller !== undefined && { caller }),
      ...{ kind: 'route', ...(host !== undefined && { host }), method, path: pathShape(target) },
    },
    () => prefixPatch(target, host === undefined ? undefined : beside!.config),
  );
}

async function noteUnknownHost(proxy: Proxy, { request, method }: RequestContext): Promise<void> {
  const parts = absoluteOf(request.url ?? '');
  const name = parts === undefined ? '' : hostnameOf(parts.authority);
  if (parts === undefined || !/^[a-z0-9._-]{1,253}$/.test(name)) return;
  const { scheme, port, path } = parts;
  const isUsual = port === (scheme === 'https' ? 443 : 80);
  const caller = await proxy.callers?.nameOf(request, 'as a proxy');
  proxy.refusedCalls.note(
    {
      ...(caller !== undefined && { caller }),
      ...{ kind: 'host', host: isUsual ? name : `${name}:${port}`, method, path: pathShape(path) },
    },
    () => (isUsual ? hostPatch(name, scheme) : '# Routes with a host serve the ports 443 and 80 only.\n'),
  );
}

/** A field may name any method. */
function printable(method: string): string {
  return /^[A-Za-z-]{1,20}$/.test(method) ? method : '*';
}
