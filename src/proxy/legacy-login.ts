import { TokenwardError } from '../errors.ts';
import type { TemplateValue } from '../flows/flow.ts';
import { plainSegments } from './policy.ts';
import type { Route } from './route.ts';

/**
 * A legacy app may still try to log in by itself, which would spend logins behind our back. The route answers, refuses
 * or forwards that; undefined: not such a call, or one to be forwarded. Throws if it is refused.
 */
export function legacyLoginAnswer(route: Route, method: string, path: string): TemplateValue | undefined {
  const { flow, config } = route;
  if (flow === undefined || config.legacyLogin === 'forward' || flow.legacyLogin.length === 0) return undefined;
  // The last word of a login path is rare elsewhere; most calls need no closer look than this.
  if (!path.includes('%') && !flow.legacyLogin.some((login) => path.toLowerCase().includes(login.path.slice(login.path.lastIndexOf('/') + 1).toLowerCase()))) return undefined;
  const segments = plainSegments(path);
  const login = flow.legacyLogin.find((one) => {
    const wanted = plainSegments(one.path);
    return wanted.length <= segments.length && wanted.every((part, index) => part === segments[segments.length - wanted.length + index]);
  });
  if (login === undefined) return undefined;
  if (config.legacyLogin === 'refuse') throw new TokenwardError('login_path_refused');
  return login.method === method ? login.answer : undefined;
}
