import { TokenwardError } from '../errors.ts';
import type { Flow, TemplateValue, TokenCall } from '../flows/flow.ts';
import { urlOfCall } from '../flows/request.ts';
import { allReadingsOf, mayMatch, readingsOf, segmentsOf } from './readings.ts';

/** What a path holds that is not simply what it says. */
const NEEDS_DECODING = /[%\x80-\xff]/;

/** As much of a route as says what becomes of logins. */
interface GuardedRoute {
  readonly name: string;
  readonly logins: LoginPaths;
  readonly config: { readonly legacyLogin: 'answer' | 'refuse' | 'forward' };
}

/** A call by which a caller would get himself a token. */
export interface LoginPath {
  readonly segments: readonly string[];
  /** True: the whole path; false: its end, whatever comes before. */
  readonly whole: boolean;
  readonly method: string;
  /** What the caller may be told instead; undefined: nothing, such a call is refused. */
  readonly response: TemplateValue | undefined;
}

/** Those that a flow names as such, wherever below its upstreams they are. */
export function declaredLogins({ legacyLogin }: Flow): LoginPath[] {
  return legacyLogin.map(({ path, method, answer: response }) => ({
    segments: segmentsOf(path),
    whole: false,
    method,
    response,
  }));
}

/** The URLs that a flow calls itself with these credentials, and how. */
export function loginCalls(
  { login, refresh, baseUrl }: Flow,
  credentials: Readonly<Record<string, unknown>>,
): { url: string; method: string }[] {
  return [login, refresh].flatMap((call) => {
    const url = call && urlOf(call, baseUrl, credentials);
    return call === undefined || url === undefined ? [] : [{ url, method: call.method }];
  });
}

/** The path of a URL that a flow calls itself. */
export function loginPathOf(url: URL, method: string): LoginPath {
  return { segments: readingsOf(url.pathname).at(-1)!, whole: true, method, response: undefined };
}

function urlOf(
  call: TokenCall,
  baseUrl: string | undefined,
  credentials: Readonly<Record<string, unknown>>,
): string | undefined {
  try {
    const url = urlOfCall(call, baseUrl, credentials);
    return URL.canParse(url) ? url : undefined;
  } catch {
    // It needs something that only a call has.
    return undefined;
  }
}

/** The login paths of a route. There may be many: accounts of one host may have a token endpoint each. */
export class LoginPaths {
  readonly #suffixes: readonly LoginPath[];
  /** By method and number of segments. */
  readonly #exact: ReadonlyMap<string, readonly LoginPath[]>;
  /** Their last words, each once. */
  readonly #lastSegments: readonly string[];

  /** Of two for one call the first counts. */
  constructor(paths: readonly LoginPath[]) {
    this.#suffixes = paths.filter(({ whole }) => !whole);
    const whole = new Map<string, LoginPath[]>();
    for (const one of paths.filter((path) => path.whole)) {
      const key = keyOf(one.method, one.segments);
      const sameKey = whole.get(key);
      if (sameKey === undefined) whole.set(key, [one]);
      else sameKey.push(one);
    }
    this.#exact = whole;
    this.#lastSegments = [...new Set(paths.map(({ segments }) => segments.at(-1) ?? ''))];
  }

  /** False: there are none. */
  get any(): boolean {
    return this.#lastSegments.length > 0;
  }

  /** The last word of a login path is rare elsewhere; most calls need no closer look than this. */
  mayContain(path: string): boolean {
    if (!this.any) return false;
    const text = path.toLowerCase();
    return NEEDS_DECODING.test(path) || this.#lastSegments.some((word) => text.includes(word));
  }

  /** Those that a call may be, in any of the ways to read its path. */
  find(method: string, readings: readonly (readonly string[])[]): readonly LoginPath[] {
    const found = this.#suffixes.filter(({ segments }) => readings.some((reading) => endsWith(reading, segments)));
    for (const reading of readings) {
      for (const one of this.#exact.get(keyOf(method, reading)) ?? [])
        if (endsWith(reading, one.segments)) found.push(one);
    }
    return found;
  }
}

function keyOf(method: string, segments: readonly string[]): string {
  return `${method} ${segments.length}`;
}

/**
 * A legacy app may still try to log in by itself, which would spend logins behind our back. The route answers, refuses
 * or forwards that; undefined: not such a call, or one to be forwarded. Throws if it is refused.
 */
export function legacyLoginResponse(route: GuardedRoute, method: string, path: string): TemplateValue | undefined {
  const { logins, config } = route;
  if (config.legacyLogin === 'forward' || !logins.mayContain(path)) return undefined;
  const found = logins.find(method, allReadingsOf(path));
  if (found.length === 0) return undefined;
  const response = found.find((one) => one.method === method)?.response;
  if (config.legacyLogin === 'refuse' || response === undefined)
    throw new TokenwardError('login_path_refused', { detail: detailOf(route, response) });
  return response;
}

/** Which setting says so, and which others there are. */
function detailOf({ name, config }: GuardedRoute, response: TemplateValue | undefined): string {
  const others =
    response === undefined
      ? 'there is no answer to this call here, and'
      : 'with legacyLogin: answer it is answered here, and';
  return (
    `route ${name} has legacyLogin: ${config.legacyLogin}; ${others} with legacyLogin: forward it goes to the ` +
    'upstream'
  );
}

function endsWith(segments: readonly string[], wanted: readonly string[]): boolean {
  const before = segments.length - wanted.length;
  return before >= 0 && wanted.every((part, index) => mayMatch(part, segments[before + index]!));
}
