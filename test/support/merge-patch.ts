import { parse } from 'yaml';

type Mapping = Record<string, unknown>;

/**
 * A configuration with a patch of a refused call, merged as docs/operating.md says: a route is that of the same host
 * and prefix, lines of `allow` and `tunnel` are added, `deny` is replaced.
 */
export function mergePatch(config: Mapping, patch: string): Mapping {
  const { routes = [], listen, ...rest } = (parse(patch) ?? {}) as Mapping & { routes?: Mapping[]; listen?: Mapping };
  if (Object.keys(rest).length > 0) throw new Error(`a patch of ${Object.keys(rest).join()}`);
  const merged = [...((config['routes'] as Mapping[] | undefined) ?? [])];
  for (const route of routes) {
    const at = merged.findIndex((one) => identity(one) === identity(route));
    if (at === -1) merged.push(route);
    else merged[at] = mergeRoute(merged[at]!, route);
  }
  return { ...config, routes: merged, ...(listen && { listen: mergeListen(config['listen'] as Mapping, listen) }) };
}

function identity({ host, prefix = '/' }: Mapping): string {
  return JSON.stringify([host, prefix]);
}

function mergeRoute(before: Mapping, patch: Mapping): Mapping {
  // Two paths may need the same prefix.
  if (patch['policy'] === undefined) return before;
  const policy = before['policy'] as { allow?: unknown[]; deny?: unknown[] };
  const { allow, deny, ...rest } = patch['policy'] as { allow?: unknown[]; deny?: unknown[] };
  if (Object.keys(rest).length > 0) throw new Error(`a policy with ${Object.keys(rest).join()}`);
  return {
    ...before,
    policy: {
      ...policy,
      ...(allow && { allow: [...(policy.allow ?? []), ...allow] }),
      ...(deny && { deny }),
    },
  };
}

function mergeListen(before: Mapping, patch: Mapping): Mapping {
  const forward = typeof before['forward'] === 'object' ? (before['forward'] as { tunnel?: unknown[] }) : {};
  const { tunnel } = patch['forward'] as { tunnel: unknown[] };
  return { ...before, forward: { ...forward, tunnel: [...(forward.tunnel ?? []), ...tunnel] } };
}
