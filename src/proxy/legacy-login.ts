import { TokenwardError } from '../errors.ts';
import { answerLogin } from '../flows/answer-login.ts';
import type { Flow, LegacyLogin, TokenCall } from '../flows/flow.ts';
import { urlOfCall } from '../flows/request.ts';
import { UnfillableError } from '../flows/template.ts';
import { parseUrl } from '../parse-url.ts';
import type { Token } from '../tokens/token.ts';
import { allReadingsOf, mayMatch, readingsOf, segmentsOf } from './readings.ts';

/** Characters that need decoding before a comparison. */
const NEEDS_DECODING = /[%\x80-\xff]/;

/** The part of a route that decides about logins. */
interface GuardedRoute {
  readonly name: string;
  readonly logins: LoginPaths;
  readonly config: { readonly legacyLogin: 'answer' | 'refuse' | 'forward' };
}

/** A request by which a client would get a token of its own. */
export interface LoginPath {
  readonly segments: readonly string[];
  /** True: the whole path; false: its last segments. */
  readonly whole: boolean;
  readonly method: string;
  /** A response that the route may give; undefined: such a request is refused. */
  readonly response: LegacyLogin | undefined;
}

/** The login paths that a flow declares, at any depth below its upstreams. */
export function declaredLogins({ legacyLogin }: Flow): LoginPath[] {
  return legacyLogin.map((response) => ({
    segments: segmentsOf(response.path),
    whole: false,
    method: response.method,
    response,
  }));
}

/**
 * The token endpoint URLs that a flow uses with these credentials, with their methods; not one that the metadata of an
 * `issuer` names, which is known once it has been read.
 */
export function loginCalls(
  { login, refresh, oauth, baseUrl }: Flow,
  credentials: Readonly<Record<string, unknown>>,
): { url: string; method: string }[] {
  const calls = [...(login ?? []), ...(refresh ?? [])].map(({ url, method }) => ({ url, method }));
  if (oauth?.tokenUrl !== undefined) calls.push({ url: oauth.tokenUrl, method: 'POST' });
  return calls.flatMap((call) => {
    const url = urlOf(call, baseUrl, credentials);
    return url === undefined ? [] : [{ url, method: call.method }];
  });
}

/** The login path of a token endpoint URL. */
export function loginPathOf(url: URL, method: string): LoginPath {
  return { segments: readingsOf(url.pathname).at(-1)!, whole: true, method, response: undefined };
}

function urlOf(
  call: Pick<TokenCall, 'url'>,
  baseUrl: string | undefined,
  credentials: Readonly<Record<string, unknown>>,
): string | undefined {
  try {
    const url = urlOfCall(call, baseUrl, credentials);
    return parseUrl(url) === undefined ? undefined : url;
  } catch {
    // The URL needs a value that exists only during a renewal.
    return undefined;
  }
}

/** The login paths of a route. There may be many: each account of a host may have its own token endpoint. */
export class LoginPaths {
  readonly #suffixes: readonly LoginPath[];
  /** By method and number of segments. */
  readonly #exact = new Map<string, LoginPath[]>();
  /** Last segments of all paths, without duplicates. */
  readonly #lastSegments: string[];

  /** Of two paths for the same request, the first counts. */
  constructor(paths: readonly LoginPath[]) {
    this.#suffixes = paths.filter(({ whole }) => !whole);
    for (const one of paths) if (one.whole) this.#addExact(one);
    this.#lastSegments = [...new Set(paths.map(lastSegment))];
  }

  /** Adds a whole path that was not known at the start. */
  learn(path: LoginPath): void {
    if (this.find(path.method, [path.segments]).length > 0) return;
    this.#addExact(path);
    this.#lastSegments.push(lastSegment(path));
  }

  #addExact(path: LoginPath): void {
    const key = keyOf(path.method, path.segments);
    const sameKey = this.#exact.get(key);
    if (sameKey === undefined) this.#exact.set(key, [path]);
    else sameKey.push(path);
  }

  /** False: there are none. */
  get any(): boolean {
    return this.#lastSegments.length > 0;
  }

  /** A quick check: the last segment of a login path is rare elsewhere, so most requests need no other. */
  mayContain(path: string): boolean {
    if (!this.any) return false;
    const text = path.toLowerCase();
    return NEEDS_DECODING.test(path) || this.#lastSegments.some((word) => text.includes(word));
  }

  /** The login paths that a request may mean, in any reading of its path. */
  find(method: string, readings: readonly (readonly string[])[]): readonly LoginPath[] {
    const found = this.#suffixes.filter(({ segments }) => readings.some((reading) => endsWith(reading, segments)));
    for (const reading of readings) {
      for (const one of this.#exact.get(keyOf(method, reading)) ?? [])
        if (endsWith(reading, one.segments)) found.push(one);
    }
    return found;
  }
}

function lastSegment({ segments }: LoginPath): string {
  return segments.at(-1) ?? '';
}

function keyOf(method: string, segments: readonly string[]): string {
  return `${method} ${segments.length}`;
}

/**
 * A legacy application may still log in by itself, which would use up logins unnoticed. The route responds to, refuses
 * or forwards that. Undefined: not a login, or one to forward. Throws if it is refused.
 */
export function legacyLoginResponse(route: GuardedRoute, method: string, path: string): LegacyLogin | undefined {
  const { logins, config } = route;
  if (config.legacyLogin === 'forward' || !logins.mayContain(path)) return undefined;
  const found = logins.find(method, allReadingsOf(path));
  if (found.length === 0) return undefined;
  const response = found.find((one) => one.method === method)?.response;
  if (config.legacyLogin === 'refuse' || response === undefined)
    throw new TokenwardError('login_path_refused', { detail: detailOf(route, response) });
  return response;
}

/** The response body. Throws if the account's token came without a value that it needs. `now`: wall clock, ms. */
export function loginResponse(
  login: LegacyLogin,
  account: string,
  token: Token,
  now: number,
  standIn: string | undefined,
): unknown {
  try {
    return answerLogin(login, token, now, standIn);
  } catch (error) {
    if (!(error instanceof UnfillableError)) throw error;
    throw new TokenwardError('token_unavailable', {
      detail: `account ${account}: the response to a login needs what its token did not come with: ${error.message}`,
    });
  }
}

/** Names the setting that decided, and its alternatives. */
function detailOf({ name, config }: GuardedRoute, response: LegacyLogin | undefined): string {
  const others =
    response === undefined
      ? 'this login has no response here, and'
      : 'with legacyLogin: answer tokenward responds itself, and';
  return (
    `route ${name} has legacyLogin: ${config.legacyLogin}; ${others} with legacyLogin: forward it goes to the ` +
    'upstream'
  );
}

function endsWith(segments: readonly string[], wanted: readonly string[]): boolean {
  const before = segments.length - wanted.length;
  return before >= 0 && wanted.every((part, index) => mayMatch(part, segments[before + index]!));
}
