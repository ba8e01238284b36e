import { TokenwardError } from '../errors.ts';
import type { Caller } from './caller.ts';
import { pathOf, type Proxy, type RequestContext } from './context.ts';
import { overridesOf } from './headers.ts';
import { legacyLoginResponse } from './legacy-login.ts';
import { notePolicyRefusal } from './note-refusal.ts';
import { evaluatePolicy, policyError } from './policy.ts';
import type { Route } from './route.ts';

/** Throws if the route's policy does not allow this request. `path`: as the upstream gets it. */
export function enforcePolicy(
  proxy: Proxy,
  ctx: RequestContext,
  route: Route,
  caller: Caller | undefined,
  path: string,
): void {
  checkPolicy(proxy, route, caller, ctx.method, path);
  if (route.config.methodOverride === 'pass') checkOverrides(proxy, route, caller, ctx, path);
}

function checkPolicy(proxy: Proxy, route: Route, caller: Caller | undefined, method: string, path: string): void {
  if (route.policy === undefined) return;
  const verdict = evaluatePolicy(route.policy, method, path);
  if (verdict === undefined) return;
  const enforced = route.config.policy?.mode !== 'report';
  proxy.metrics.policyVerdicts.inc({ route: route.name, reason: verdict, outcome: enforced ? 'refused' : 'reported' });
  if (!enforced) return;
  notePolicyRefusal(proxy, route, caller, method, path);
  throw policyError(route.policy, verdict, route.name, method, path);
}

/** The same for override fields, on a route that forwards them: each method with each target that is named. */
function checkOverrides(
  proxy: Proxy,
  route: Route,
  caller: Caller | undefined,
  { method, request }: RequestContext,
  path: string,
): void {
  const { methods, targets } = overridesOf(request.rawHeaders);
  if (methods.length === 0 && targets.length === 0) return;
  for (const candidate of [method, ...methods]) {
    for (const target of [path, ...targets.map(pathOfUrl)]) {
      if (candidate === method && target === path) continue;
      checkPolicy(proxy, route, caller, candidate, target);
      if (route.config.legacyLogin !== 'forward' && legacyLoginResponse(route, candidate, target) !== undefined)
        throw new TokenwardError('login_path_refused', {
          detail: `route ${route.name}: a header field names the upstream's login`,
        });
    }
  }
}

/** The path of a target in a field, which may be an absolute URL. */
function pathOfUrl(target: string): string {
  return pathOf(target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, ''));
}
