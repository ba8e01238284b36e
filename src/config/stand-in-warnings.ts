import type { Flow } from '../flows/flow.ts';
import { bringsStandIn, fieldOfToken } from '../flows/stand-in.ts';
import type { Report } from './issues.ts';
import type { Config } from './schema.ts';

const UNKNOWN_AGAIN =
  'An application whose key stands in its URL is unknown again once it sends that token in place of the key';

/**
 * Warns of routes that answer logins with a token by which its caller cannot be known. `flowOfRoute`: the flow of the
 * route's account or accounts.
 */
export function warnOfAnonymousStandIns(
  { callers, routes }: Pick<Config, 'callers' | 'routes'>,
  flowOfRoute: (route: Config['routes'][number]) => Flow | undefined,
  warn: Report,
): void {
  if (callers === 'none' || callers.every(({ key }) => key === undefined)) return;
  for (const [index, route] of routes.entries()) {
    const flow = route.legacyLogin === 'answer' ? flowOfRoute(route) : undefined;
    if (flow === undefined || flow.legacyLogin.length === 0) continue;
    const at = ['routes', index, 'legacyLogin'];
    if (fieldOfToken(flow.attach) === undefined)
      warn(at, `no caller is known by the token of an answered login, as no header field carries it. ${UNKNOWN_AGAIN}`);
    else if (!flow.legacyLogin.some(bringsStandIn))
      warn(at, `no caller is known by the token of an answered login: its answer has no {standIn}. ${UNKNOWN_AGAIN}`);
  }
}
