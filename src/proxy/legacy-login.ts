import { TokenwardError } from '../errors.ts';
import type { Flow, TemplateValue, TokenCall } from '../flows/flow.ts';
import { urlOfCall } from '../flows/request.ts';
import { plainSegments, readingsOf } from './policy.ts';
import type { Route } from './route.ts';

/** A call by which a caller would get himself a token. */
export interface LoginPath {
  readonly segments: readonly string[];
  /** True: the whole path; false: its end, whatever comes before. */
  readonly whole: boolean;
  readonly method: string;
  /** What the caller may be told instead; undefined: nothing, such a call is refused. */
  readonly answer: TemplateValue | undefined;
}

/** The login paths of a route to `origin`: those the flow names, and those it uses itself if they are on this host. */
export function loginPaths(flow: Flow, credentials: Readonly<Record<string, unknown>>, origin: string): readonly LoginPath[] {
  const named = flow.legacyLogin.map(({ path, method, answer }) => ({ segments: plainSegments(path), whole: false, method, answer }));
  const used = [flow.login, flow.refresh].flatMap((call) => {
    const url = call && urlOf(call, flow.baseUrl, credentials);
    return call !== undefined && url?.origin === origin ? [{ segments: readingsOf(url.pathname).at(-1)!, whole: true, method: call.method, answer: undefined }] : [];
  });
  return [...named, ...used];
}

function urlOf(call: TokenCall, baseUrl: string | undefined, credentials: Readonly<Record<string, unknown>>): URL | undefined {
  try {
    return new URL(urlOfCall(call, baseUrl, credentials));
  } catch {
    // It needs something that only a call has.
    return undefined;
  }
}

/**
 * A legacy app may still try to log in by itself, which would spend logins behind our back. The route answers, refuses
 * or forwards that; undefined: not such a call, or one to be forwarded. Throws if it is refused.
 */
export function legacyLoginAnswer(route: Route, method: string, path: string): TemplateValue | undefined {
  const { logins, config } = route;
  if (config.legacyLogin === 'forward' || logins.length === 0) return undefined;
  // The last word of a login path is rare elsewhere; most calls need no closer look than this.
  const text = path.toLowerCase();
  if (!path.includes('%') && !logins.some(({ segments }) => text.includes(segments.at(-1) ?? ''))) return undefined;
  const readings = readingsOf(path);
  const found = logins.filter((one) => (!one.whole || one.method === method) && readings.some((segments) => matches(one, segments)));
  if (found.length === 0) return undefined;
  const answer = found.find((one) => one.method === method)?.answer;
  if (config.legacyLogin === 'refuse' || answer === undefined) throw new TokenwardError('login_path_refused', { detail: detailOf(route, answer) });
  return answer;
}

/** Which setting says so, and which others there are. */
function detailOf({ name, config }: Route, answer: TemplateValue | undefined): string {
  const others = answer === undefined ? 'its flow has no answer to this call, and' : 'with legacyLogin: answer it is answered here, and';
  return `route ${name} has legacyLogin: ${config.legacyLogin}; ${others} with legacyLogin: forward it goes to the upstream`;
}

function matches({ segments: wanted, whole }: LoginPath, segments: readonly string[]): boolean {
  const before = segments.length - wanted.length;
  return (whole ? before === 0 : before >= 0) && wanted.every((part, index) => part === segments[before + index]);
}
