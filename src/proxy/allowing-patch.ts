import { isLoopback } from '../loopback.ts';
import { shapeSegments } from './path-shape.ts';
import { compilePolicy, evaluatePolicy } from './policy.ts';
import type { Route } from './route.ts';

/*
 * The lines of configuration that would allow a refused call, as YAML for a person to read, complete and add: routes
 * are those of the same host and prefix, lines of `allow` and `tunnel` are added to those that are there, and `deny`
 * takes the place of the one that is there.
 */

type WrittenRoute = Pick<Route['config'], 'host' | 'prefix' | 'upstream' | 'account'>;

/** A name that `routes[].host` can have. */
const HOSTNAME = /^(?=.{1,253}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
/** A target that `listen.forward.tunnel` can have, with its port. */
const TUNNEL = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+):\d{1,5}$/;
/** The segments that a prefix can have. */
const PREFIX_SEGMENT = /^[A-Za-z0-9._~@-]+$/;

/** A route for a host that no route names. `scheme`: that of the port. */
export function hostPatch(host: string, scheme: 'http' | 'https'): string {
  if (!HOSTNAME.test(host)) return '# No route can have this host.\n';
  return [
    '# Add the account whose token its requests get; without one they are forwarded as they are.',
    '# The authority must sign for the host, too: tokenward ca renew',
    ...routeLines({ host, prefix: '/', upstream: `${scheme}://${host}`, account: undefined }),
    '',
  ].join('\n');
}

/** In place of a patch, for a target that no tunnel leads to. */
export const NO_TUNNEL = '# Neither a route nor a tunnel can lead there.\n';

/** An unread tunnel to a target that no route can have. `listener`: its port, if there are several listeners. */
export function tunnelPatch(host: string, port: number, listener: number | undefined): string {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (!TUNNEL.test(target) || isLoopback(host)) return NO_TUNNEL;
  const lines = ['forward:', `  tunnel: [${JSON.stringify(target)}]`];
  return [
    '# The bytes pass unread, and no token is added: routes serve the ports 443 and 80 only.',
    'listen:',
    ...(listener === undefined ? lines.map((line) => `  ${line}`) : listed([`port: ${listener}`, ...lines])),
    '',
  ].join('\n');
}

/** A route for a path that none matches. `beside`: a route of the same host, whose upstream this one gets as well. */
export function prefixPatch(path: string, beside: WrittenRoute | undefined): string {
  const first = path.split('/', 2)[1] ?? '';
  const prefix = PREFIX_SEGMENT.test(first) && shapeSegments(`/${first}`)[0] === first ? `/${first}` : '/';
  if (beside === undefined)
    return [
      '# The upstream is not known here; add the account whose token the requests get.',
      ...routeLines({ host: undefined, prefix, upstream: 'https://upstream.example', account: undefined }),
      '',
    ].join('\n');
  // Of a route with a host, the prefix is left out: the path stays as the vendor knows it.
  const { upstream } = beside;
  const base = new URL(upstream);
  const whole = prefix === '/' ? upstream : `${base.origin}${prefix}`;
  return `${routeLines({ ...beside, prefix, upstream: whole }).join('\n')}\n`;
}

/** The lines of a policy that allow `method` on `path`, which is one of the upstream. */
export function policyPatch(route: Pick<Route, 'config' | 'basePath'>, method: string, path: string): string {
  const { config, basePath } = route;
  const { allow, deny = [] } = config.policy ?? {};
  const passes = (policy: Parameters<typeof compilePolicy>[0]): boolean =>
    evaluatePolicy(compilePolicy(policy, basePath), method, path) === undefined;
  const kept = deny.filter((rule) => passes({ deny: [rule] }));
  const comments: string[] = [];
  const lines: string[] = [];
  if (kept.length < deny.length) {
    const dropped = deny.filter((rule) => !kept.includes(rule)).map(ruleText);
    comments.push(`# Without the lines of policy.deny that cover the call: ${dropped.join(', ')}`);
    lines.push(...list('deny', kept.map(ruleText)));
  }
  if (allow !== undefined && !passes({ allow, deny: [] })) {
    comments.push('# Added to policy.allow; a path includes everything below it.');
    lines.push(...list('allow', [ruleText(allowingRule(basePath, method, path, passes))]));
  }
  const { host, prefix } = config;
  const names = [...(host === undefined ? [] : [`host: ${JSON.stringify(host)}`]), ...prefixLine(host, prefix)];
  return [...comments, 'routes:', ...listed([...names, 'policy:', ...lines.map((line) => `  ${line}`)]), ''].join('\n');
}

interface Rule {
  readonly methods?: readonly string[] | undefined;
  readonly path?: string | undefined;
}

/** The narrowest line of words and `*` that covers the call in every reading of its path. */
function allowingRule(
  basePath: string,
  method: string,
  path: string,
  passes: (policy: { allow: Rule[]; deny: Rule[] }) => boolean,
): Rule {
  const segments = shapeSegments(path.startsWith(basePath) ? path.slice(basePath.length) : path);
  const methods = METHODS.has(method) ? [method] : undefined;
  for (; segments.length > 0; segments.pop()) {
    const rule = { methods, path: `/${segments.join('/')}` };
    if (passes({ allow: [rule], deny: [] })) return rule;
  }
  return { methods, path: '/' };
}

/** The methods that a line can name: an override field may have any. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function ruleText({ methods, path }: Rule): string {
  const parts = [
    ...(methods === undefined ? [] : [`methods: [${methods.join(', ')}]`]),
    ...(path === undefined ? [] : [`path: ${JSON.stringify(path)}`]),
  ];
  return `{ ${parts.join(', ')} }`;
}

function routeLines({ host, prefix, upstream, account }: WrittenRoute): string[] {
  return [
    'routes:',
    ...listed([
      ...(host === undefined ? [] : [`host: ${JSON.stringify(host)}`]),
      ...prefixLine(host, prefix),
      `upstream: ${JSON.stringify(upstream)}`,
      ...(account === undefined ? [] : [`account: ${JSON.stringify(account)}`]),
    ]),
  ];
}

/** With a host, every path is the default. */
function prefixLine(host: string | undefined, prefix: string): string[] {
  return host !== undefined && prefix === '/' ? [] : [`prefix: ${JSON.stringify(prefix)}`];
}

function list(name: string, items: readonly string[]): string[] {
  return items.length === 0 ? [`${name}: []`] : [`${name}:`, ...items.map((item) => `  - ${item}`)];
}

/** Lines as one item of a list. */
function listed(lines: readonly string[]): string[] {
  return lines.map((line, index) => (index === 0 ? `  - ${line}` : `    ${line}`));
}
