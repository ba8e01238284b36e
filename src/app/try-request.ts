import type { LoadedConfig } from '../config/load.ts';
import type { MatchRule } from '../flows/flow.ts';
import type { Attachment } from '../flows/attach.ts';
import { ReadResponse } from '../flows/response.ts';
import type { Signature } from '../flows/sign/request-to-sign.ts';
import type { UpstreamRequest } from '../http/client/request.ts';
import type { UpstreamResponse } from '../http/client/response.ts';
import { decodeBody } from '../http/coding.ts';
import { Metrics } from '../metrics.ts';
import { matchesPatterns } from '../proxy/account-patterns.ts';
import { requestHeaders, withParameter } from '../proxy/headers.ts';
import { rejectedTokenRule, rejectsToken } from '../proxy/inspect.ts';
import { evaluatePolicy, policyError } from '../proxy/policy.ts';
import { RouteTable } from '../proxy/route-table.ts';
import { upstreamTarget, type Route } from '../proxy/route.ts';
import { signRequest } from '../proxy/sign-request.ts';
import type { Token } from '../tokens/token.ts';
import { VERSION } from '../version.ts';
import { egressProxy } from './egress-proxy.ts';
import { routeOf } from './routes.ts';
import { decodeText } from './token-response.ts';
import type { FlowTrial } from './try-flow.ts';
import { Upstreams } from './upstreams.ts';
import { newViaName } from './via-name.ts';

/** How much of a response is read. Bytes. */
const MAX_READ_BYTES = 64 * 1024;
/** How long its body may take. ms. */
const MAX_READ_MS = 10_000;

/** One request through a route, with what came of it. Holds secrets. */
export interface TriedRequest {
  readonly route: string;
  readonly url: string;
  readonly request: UpstreamRequest;
  /** Undefined: nothing was sent. */
  readonly response: ReadResponse | undefined;
  /** The rule of `invalid` by which the response rejects the token. */
  readonly rule: MatchRule | undefined;
  readonly rejected: boolean;
  /** The upstream asked for HTTP Digest authentication, and the request was sent again. */
  readonly challenged: boolean;
}

/** The routes of an account; each may be closed. */
export class TrialRoutes {
  readonly #routes: RouteTable;
  readonly #upstreams = new Upstreams();
  readonly #account: string;

  /** Throws a ConfigError or a TlsFileError. */
  constructor(config: LoadedConfig, trial: FlowTrial) {
    const metrics = new Metrics(VERSION, 'fast');
    const via = egressProxy(config);
    this.#account = trial.account;
    for (const { name: route, headers = {} } of config.routes)
      for (const name of config.secretHeaders.get(route) ?? []) trial.addSecret(headers[name]);
    this.#routes = new RouteTable(
      config.routes.map((route) => {
        const { connect } = this.#upstreams.of(route, new Map(), config.egressProxy, via);
        return routeOf(route, config, { metrics, connect, valuesOf: trial.credentials.valuesOf });
      }),
    );
  }

  /** Names of the routes on which this account is used. */
  get names(): readonly string[] {
    return this.#ours.map(({ name }) => name);
  }

  get #ours(): readonly Route[] {
    return this.#routes.all.filter((route) => this.#isOurs(route));
  }

  /**
   * The route and the whole target of a path: below the route that is named; or as clients send it; or below the
   * account's only route. Undefined: there is no such route.
   */
  find(path: string, name: string | undefined): { readonly route: Route; readonly target: string } | undefined {
    const [only, ...others] = this.#ours;
    const asSent = this.#routes.match(path, undefined);
    if (name === undefined && asSent !== undefined && this.#isOurs(asSent)) return { route: asSent, target: path };
    const below = name === undefined ? (others.length === 0 ? only : undefined) : this.#named(name);
    if (below === undefined) return undefined;
    const target = `${below.prefix}${path}`;
    // A longer prefix may have the path.
    const route = this.#routes.match(target, below.config.host);
    return route !== undefined && this.#isOurs(route) ? { route, target } : undefined;
  }

  #named(name: string): Route | undefined {
    return this.#ours.find((route) => route.name === name);
  }

  close(): void {
    this.#upstreams.close();
  }

  #isOurs({ account, accountChoice }: Route): boolean {
    if (accountChoice === undefined) return account === this.#account;
    return matchesPatterns(accountChoice.allow, this.#account) && accountChoice.serves(this.#account);
  }
}

/**
 * Sends a GET as a client's request would be forwarded: with the route's fields, what the token adds, and signatures.
 * `dryRun`: builds it only. Throws a TokenwardError.
 */
export async function tryRequest(
  trial: FlowTrial,
  { route: configured, target }: { readonly route: Route; readonly target: string },
  token: Token,
  dryRun: boolean,
): Promise<TriedRequest> {
  const attachment = trial.attachment(token);
  const named = dryRun ? undefined : configured.namedUpstream?.at(configured, token, trial.account);
  const route = named ?? configured;
  checkPolicy(route, target, attachment);
  const built = await build(route, target, attachment);
  const tried = { route: route.name, url: `${route.origin}${built.request.target}`, request: built.request };
  if (dryRun) return { ...tried, response: undefined, rule: undefined, rejected: false, challenged: false };
  const first = await send(route, built.request);
  const header = (name: string): string | undefined => first.header(name);
  if (first.status !== 401 || attachment.signing?.challenged(route.origin, header, built.signatures) !== true)
    return { ...tried, ...(await judged(trial, route, first)), challenged: false };
  first.discard();
  const again = await build(route, target, attachment);
  return {
    ...tried,
    request: again.request,
    ...(await judged(trial, route, await send(route, again.request))),
    challenged: true,
  };
}

function checkPolicy(route: Route, target: string, { path: before }: Attachment): void {
  if (route.policy === undefined || route.config.policy?.mode === 'report') return;
  const path = upstreamTarget(route, target, before).split('?', 1)[0]!;
  const verdict = evaluatePolicy(route.policy, 'GET', path);
  if (verdict !== undefined) throw policyError(route.policy, verdict, route.name, 'GET', path);
}

async function build(
  route: Route,
  target: string,
  attachment: Attachment,
): Promise<{ readonly request: UpstreamRequest; readonly signatures: readonly Signature[] }> {
  let sent = upstreamTarget(route, target, attachment.path);
  for (const parameter of attachment.query) sent = withParameter(sent, parameter);
  const client = ['accept', 'application/json, */*;q=0.5', 'user-agent', 'tokenward'];
  const headers = requestHeaders(client, route, attachment, newViaName());
  const request = { method: 'GET', target: sent, headers, body: { kind: 'none' } as const };
  if (attachment.signing === undefined) return { request, signatures: [] };
  return signRequest(request, route.origin, attachment.signing);
}

function send(route: Route, request: UpstreamRequest): Promise<UpstreamResponse> {
  return route.upstream.send(request, () => undefined);
}

async function judged(
  trial: FlowTrial,
  route: Route,
  response: UpstreamResponse,
): Promise<Pick<TriedRequest, 'response' | 'rule' | 'rejected'>> {
  await gathered(response);
  const rules = route.rejectedToken;
  const rejected = rules !== undefined && (await rejectsToken(rules, 'GET', response));
  let rule: MatchRule | undefined;
  for (const one of rejected ? rules.rules : [])
    if (rule === undefined && (await rejectsToken(rejectedTokenRule([one])!, 'GET', response))) rule = one;
  const bytes = Buffer.concat([...response.chunks]);
  const headers: Record<string, string> = {};
  const setCookie: string[] = [];
  for (let i = 0; i < response.headers.length; i += 2) {
    const name = response.headers[i]!.toLowerCase();
    headers[name] ??= response.headers[i + 1]!;
    if (name === 'set-cookie') setCookie.push(response.headers[i + 1]!);
  }
  const body = decodeText(decodeBody(bytes, headers['content-encoding']) ?? bytes);
  if (!response.ended) response.cancel();
  const read = new ReadResponse({ status: response.status, headers, setCookie, body });
  trial.addAnswer(read);
  return { response: read, rule, rejected };
}

/** Waits for the body, but not for ever: it may be a stream of events. */
async function gathered(response: UpstreamResponse): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, MAX_READ_MS);
  });
  await Promise.race([response.gather(MAX_READ_BYTES), limit]);
  clearTimeout(timer);
}
