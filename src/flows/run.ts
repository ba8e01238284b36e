import { TOKEN_REQUEST_MS } from '../deadlines.ts';
import type { FailureReason, Outcome, Reach } from '../tokens/credential.ts';
import type { NamedValues } from '../tokens/token.ts';
import { ClientAuthMemory, clientOf, type ClientAuth, type ClientCredentials } from './client-auth.ts';
import { describeResponse, describeResponseWithBody, statusAndCode } from './describe.ts';
import type { Flow, TokenCall } from './flow.ts';
import { grantOf, needsOf, NOTHING, readAnswer, type Found } from './grant.ts';
import { checkHost } from './hosts.ts';
import { readsContent } from './locator.ts';
import type { Make } from './make-schema.ts';
import { makeValues } from './make.ts';
import { pointed } from './pointer.ts';
import { ReadResponse, retryAfterOf, type TokenResponse } from './response.ts';
import { buildRequest, type TokenRequest } from './request.ts';
import { UnfillableError, type TemplateValues } from './template.ts';
import { isRefusedByName, judge, type Verdict } from './verdict.ts';

export type { TokenResponse, TokenRequest };

/** The call got no complete response. `reason` is one of a few fixed words, usable as a metric label. */
export class TokenCallError extends Error {
  readonly reason: Extract<FailureReason, 'connect' | 'timeout' | 'reset' | 'too_large' | 'tls' | 'dns'>;
  /** False only if no byte of the request can have reached the endpoint. */
  readonly maybeSent: boolean;
  /** For people: host, port and the system's error. Nothing secret. */
  readonly detail: string | undefined;

  constructor(reason: TokenCallError['reason'], maybeSent: boolean, detail?: string) {
    super(detail ?? reason);
    this.reason = reason;
    this.maybeSent = maybeSent;
    this.detail = detail;
  }
}

/**
 * Sends one request, once: no retry, no redirect, at most 1 MiB of response, at most 15 s, or `ms`. Rejects with a
 * TokenCallError.
 */
export type SendTokenCall = (request: TokenRequest, ms?: number) => Promise<TokenResponse>;

/** The least time for a request; with less it is not sent. ms. */
const MIN_REQUEST_MS = 5_000;

/**
 * A sender whose requests share the time of one: a process that stops waits so long for a renewal, and one that is cut
 * off may lose the only good refresh token (src/deadlines.ts).
 */
export function sharingOneDeadline(send: SendTokenCall): SendTokenCall {
  const end = performance.now() + TOKEN_REQUEST_MS;
  return (request, ms = TOKEN_REQUEST_MS) => {
    const left = end - performance.now();
    if (left >= MIN_REQUEST_MS) return send(request, Math.min(ms, left));
    return Promise.reject(new TokenCallError('timeout', false, 'not sent: the requests before it took too long'));
  };
}

/**
 * Sees each step of a login or refresh, for a person who tries out a flow. Gets secrets, and must not throw. Requests
 * and responses come in turn.
 */
export interface RunObserver {
  /** The values that were computed before a call. */
  made(values: NamedValues): void;
  sending(call: TokenCall, request: TokenRequest): void;
  answered(response: ReadResponse): void;
  /** What the rules say of that response. Not called for one that has brought a token. */
  judged(verdict: Verdict): void;
}

/** One login or refresh: its calls, and what they are made of. */
export interface RenewalRun {
  readonly calls: readonly TokenCall[];
  readonly flow: Flow;
  /** Credentials; for a refresh also the old token with its refresh token and values. */
  readonly values: TemplateValues;
  /** The values that the old token came with: a response need not repeat them. */
  readonly known?: NamedValues;
  readonly send: SendTokenCall;
  /** Wall clock, ms. */
  readonly now: () => number;
  /** What is sent is spent then, and its successor is in the response. */
  readonly isRefresh?: boolean;
  /** Which way of authenticating each client's endpoint accepts. */
  readonly clientAuths?: ClientAuthMemory;
  readonly observer?: RunObserver;
}

/**
 * Carries out one login or refresh of a flow and returns its outcome. Never rejects. A call is sent twice only where an
 * OAuth 2.0 client may authenticate in two ways and the first got `invalid_client`: by RFC 6749 the endpoint has then
 * not processed the grant, so nothing is spent.
 */
export async function runCalls(run: RenewalRun): Promise<Outcome> {
  const { calls, flow, known = {}, clientAuths = new ClientAuthMemory() } = run;
  const send = sharingOneDeadline(run.send);
  let found = NOTHING;
  for (const [index, call] of calls.entries()) {
    // What answers have brought takes the place of what the old token came with.
    const values = { ...run.values, ...found.values, ...(found.secret !== undefined && { token: found.secret }) };
    const isLast = index === calls.length - 1;
    const result = await runCall({ ...run, send, values, known, clientAuths, isLast, before: found }, call);
    if (result.kind === 'found') {
      ({ found } = result);
      continue;
    }
    if (result.kind === 'granted' || index === 0) return result;
    // The refresh token is spent, and its successor is here: it must not be lost because a look-up failed.
    const grant = found.refreshSecret === undefined ? undefined : grantOf(flow, found, known, values);
    if (typeof grant === 'object') return { kind: 'granted', grant };
    return withRotated(afterOthers(result), found.refreshSecret);
  }
  throw new Error('a login or refresh has at least one call');
}

/** A failure that has brought a refresh token all the same. */
function withRotated(outcome: Outcome, rotated: string | undefined): Outcome {
  return outcome.kind === 'failed' && rotated !== undefined ? { ...outcome, rotated } : outcome;
}

/** An outcome; or what the call has brought, and there is another one. */
type StepResult = Outcome | { readonly kind: 'found'; readonly found: Found };

/**
 * What a call that brought nothing means for the login or refresh as a whole, if others were carried out before it:
 * the login counts at the vendor, and a refresh token may be spent, whatever became of this call. A value that does not
 * fit came from an answer, so it is no fault of the configuration.
 */
function afterOthers(outcome: Exclude<Outcome, { kind: 'granted' }>): Outcome {
  switch (outcome.kind) {
    case 'refused':
      return outcome;
    case 'impossible':
      return failed('malformed', 'answered', true, outcome.reason);
    case 'busy':
      return failed('rate_limited', 'answered', true, undefined, outcome.retryAfter);
    case 'failed':
      return { ...outcome, reach: 'answered', maybeSpent: true };
  }
}

/** One call of several. */
interface Step extends RenewalRun {
  readonly known: NamedValues;
  readonly clientAuths: ClientAuthMemory;
  readonly before: Found;
  readonly isLast: boolean;
}

async function runCall(given: Step, call: TokenCall): Promise<StepResult> {
  const { flow, clientAuths } = given;
  try {
    const step = call.make === undefined ? given : await withMade(given, call.make);
    const { values } = step;
    const client = clientOf(call, values);
    const request = (auth?: ClientAuth): TokenRequest => {
      const built = buildRequest(call, flow.baseUrl, values, client, auth);
      checkHost(flow, call.url, built.url);
      return built;
    };
    const sendOnce = (built: TokenRequest): Promise<CallResult> => sendAndJudge(step, call, built);
    if (client === undefined) return (await sendOnce(request())).outcome;
    return await sendAsClient(client, request, sendOnce, clientAuths);
  } catch (error) {
    // A value is missing or does not fit: nothing is sent until the configuration changes.
    return {
      kind: 'impossible',
      reason:
        error instanceof UnfillableError ? error.message : 'the call cannot be built from the configured credentials',
    };
  }
}

/** The same with the values that are computed before the call. */
async function withMade(step: Step, make: Make): Promise<Step> {
  const made = await makeValues(make, step.values, step.now());
  step.observer?.made(made);
  const before = { ...step.before, values: { ...step.before.values, ...made } };
  return { ...step, values: { ...step.values, ...made }, before };
}

interface CallResult {
  readonly outcome: StepResult;
  /** The endpoint responded with invalid_client; undefined: there was no response. */
  readonly unknownClient: boolean | undefined;
}

async function sendAsClient(
  client: ClientCredentials,
  request: (auth: ClientAuth) => TokenRequest,
  sendOnce: (request: TokenRequest) => Promise<CallResult>,
  clientAuths: ClientAuthMemory,
): Promise<StepResult> {
  if (client.auth !== 'auto') return (await sendOnce(request(client.auth))).outcome;
  // A client without a secret cannot authenticate by Basic.
  if (client.secret === '') return (await sendOnce(request('post'))).outcome;
  const key = `${request('post').url}\n${client.id}`;
  const remembered = clientAuths.get(key);
  const first = remembered ?? 'post';
  const firstResult = await sendOnce(request(first));
  if (isSuccess(firstResult.outcome)) clientAuths.remember(key, first);
  // The way has worked before, so it is the secret that is wrong.
  if (remembered !== undefined || firstResult.outcome.kind !== 'refused' || firstResult.unknownClient !== true)
    return firstResult.outcome;
  const secondResult = await sendOnce(request('basic'));
  if (
    isSuccess(secondResult.outcome) ||
    (secondResult.outcome.kind === 'refused' && secondResult.unknownClient === false)
  )
    clientAuths.remember(key, 'basic');
  return secondResult.outcome;
}

function isSuccess({ kind }: StepResult): boolean {
  return kind === 'granted' || kind === 'found';
}

async function sendAndJudge(step: Step, call: TokenCall, request: TokenRequest): Promise<CallResult> {
  let raw: TokenResponse;
  step.observer?.sending(call, request);
  try {
    raw = await step.send(request);
  } catch (error) {
    const outcome =
      error instanceof TokenCallError
        ? failed(error.reason, error.maybeSent ? 'unanswered' : 'unsent', error.maybeSent, error.detail)
        : failed('fault', 'unanswered', true, undefined);
    return { outcome, unknownClient: undefined };
  }
  const response = new ReadResponse(raw);
  step.observer?.answered(response);
  const unknownClient =
    response.status >= 400 && response.status < 500 && pointed(response.json, '/error')[0] === 'invalid_client';
  return { outcome: resultOf(step, call, new URL(request.url).host, response), unknownClient };
}

function resultOf(step: Step, call: TokenCall, host: string, response: ReadResponse): StepResult {
  const { flow, values, now } = step;
  const { status, raw } = response;
  const ok = status >= 200 && status < 300;
  // First what it brings, then the flow's rules: some APIs refuse in a 200.
  const brought = ok ? broughtBy(step, call, response) : undefined;
  if (typeof brought === 'object' && bringsToken(step, call, response)) return brought;
  const verdict = judge(call, flow, response);
  step.observer?.judged(verdict);
  const retryAfter = retryAfterOf(raw, now());
  if (verdict.kind === 'busy') return { kind: 'busy', reason: verdict.reason, retryAfter: retryAfter ?? verdict.wait };
  if (verdict.kind === 'refused') return { kind: 'refused', reason: statusAndCode(response, values) };
  if (typeof brought === 'object') return brought;
  if (brought !== undefined) {
    const detail = `${brought}: ${describeResponseWithBody(host, response, values)}`;
    const malformed = failed('malformed', 'answered', true, detail);
    return step.isRefresh === true ? withoutValues(step, call, response, malformed) : malformed;
  }
  if (status >= 300 && status < 400)
    return failed('redirect', 'answered', false, `${host} answered ${status}, a redirect, which is not followed`);
  // After a gateway's 502 or 504 it is unknown what the endpoint behind it has done.
  return failed(
    status < 500 ? 'status_4xx' : 'status_5xx',
    'answered',
    status === 502 || status === 504,
    describeResponse(host, response, values),
    retryAfter,
  );
}

/**
 * Whether a response with status 2xx brings the token that the call asks for. One in a cookie or header field is no
 * proof: some servers open a session before they look at the password.
 */
function bringsToken({ flow }: Step, call: TokenCall, response: ReadResponse): boolean {
  const { token } = call.answer;
  return token !== undefined && (readsContent(token) || !isRefusedByName(call, flow, response));
}

/** What a response with status 2xx brings, or a text why it brings too little. */
function broughtBy(
  { flow, values, known, before, isLast, now }: Step,
  call: TokenCall,
  response: ReadResponse,
): StepResult | string {
  const found = readAnswer(call, response, before, known, now(), needsOf(flow));
  if (typeof found === 'string') return found;
  if (!isLast) return { kind: 'found', found };
  const grant = grantOf(flow, found, known, values);
  return typeof grant === 'string' ? grant : { kind: 'granted', grant };
}

/**
 * What a refresh has brought though a value beside the token is missing. The refresh token in it may be the only good
 * one: requests may do without the value, and if they cannot, it is kept for the next try.
 */
function withoutValues(step: Step, call: TokenCall, response: ReadResponse, malformed: Outcome): StepResult {
  const { flow, values, known, before, isLast, now } = step;
  const found = readAnswer(call, response, before, known, now(), () => false);
  if (typeof found === 'string') return malformed;
  if (!isLast) return found.refreshSecret === undefined ? malformed : { kind: 'found', found };
  const grant = grantOf(flow, found, known, values);
  return typeof grant === 'object' ? { kind: 'granted', grant } : withRotated(malformed, found.refreshSecret);
}

function failed(
  reason: FailureReason,
  reach: Reach,
  maybeSpent: boolean,
  detail: string | undefined,
  retryAfter?: number,
): Outcome {
  return { kind: 'failed', reason, ...(detail !== undefined && { detail }), reach, maybeSpent, retryAfter };
}
