import type { FailureReason, Outcome, Reach } from '../tokens/credential.ts';
import { ClientAuthMemory, clientOf, type ClientAuth, type ClientCredentials } from './client-auth.ts';
import { describeResponse, describeResponseWithBody, statusAndCode } from './describe.ts';
import type { Flow, TokenCall } from './flow.ts';
import { readGrant } from './grant.ts';
import { pointed } from './match.ts';
import { readResponse, retryAfterOf, type ReadResponse, type TokenResponse } from './response.ts';
import { buildRequest, type TokenRequest } from './request.ts';
import { UnfillableError, type TemplateValues } from './template.ts';
import { judge } from './verdict.ts';

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
 * Sends one request, once: no retry, no redirect, at most 1 MiB of response, at most 15 s. Rejects with a
 * TokenCallError.
 */
export type SendTokenCall = (request: TokenRequest) => Promise<TokenResponse>;

/**
 * Carries out one login or refresh of a flow and returns its outcome. Never rejects. It is sent twice only where an
 * OAuth 2.0 client may authenticate in two ways and the first got `invalid_client`: by RFC 6749 the endpoint has then
 * not processed the grant, so nothing is spent. `clientAuths` remembers which way works.
 */
export async function runCall(
  call: TokenCall,
  flow: Flow,
  baseUrl: string | undefined,
  values: TemplateValues,
  send: SendTokenCall,
  now: () => number,
  clientAuths = new ClientAuthMemory(),
): Promise<Outcome> {
  try {
    const client = clientOf(call, values);
    const request = (auth?: ClientAuth): TokenRequest => buildRequest(call, baseUrl, values, client, auth);
    const sendOnce = (built: TokenRequest): Promise<CallResult> => sendAndJudge(call, flow, values, built, send, now);
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

interface CallResult {
  readonly outcome: Outcome;
  /** The endpoint responded with invalid_client; undefined: there was no response. */
  readonly unknownClient: boolean | undefined;
}

async function sendAsClient(
  client: ClientCredentials,
  request: (auth: ClientAuth) => TokenRequest,
  sendOnce: (request: TokenRequest) => Promise<CallResult>,
  clientAuths: ClientAuthMemory,
): Promise<Outcome> {
  if (client.auth !== 'auto') return (await sendOnce(request(client.auth))).outcome;
  // A client without a secret cannot authenticate by Basic.
  if (client.secret === '') return (await sendOnce(request('post'))).outcome;
  const key = `${request('post').url}\n${client.id}`;
  const remembered = clientAuths.get(key);
  const first = remembered ?? 'post';
  const firstResult = await sendOnce(request(first));
  if (firstResult.outcome.kind === 'granted') clientAuths.remember(key, first);
  // The way has worked before, so it is the secret that is wrong.
  if (remembered !== undefined || firstResult.outcome.kind !== 'refused' || firstResult.unknownClient !== true)
    return firstResult.outcome;
  const secondResult = await sendOnce(request('basic'));
  if (
    secondResult.outcome.kind === 'granted' ||
    (secondResult.outcome.kind === 'refused' && secondResult.unknownClient === false)
  )
    clientAuths.remember(key, 'basic');
  return secondResult.outcome;
}

async function sendAndJudge(
  call: TokenCall,
  flow: Flow,
  values: TemplateValues,
  request: TokenRequest,
  send: SendTokenCall,
  now: () => number,
): Promise<CallResult> {
  let raw: TokenResponse;
  try {
    raw = await send(request);
  } catch (error) {
    const outcome =
      error instanceof TokenCallError
        ? failed(error.reason, error.maybeSent ? 'unanswered' : 'unsent', error.maybeSent, error.detail)
        : failed('fault', 'unanswered', true, undefined);
    return { outcome, unknownClient: undefined };
  }
  const response = readResponse(raw);
  const unknownClient =
    response.status >= 400 && response.status < 500 && pointed(response.json, '/error')[0] === 'invalid_client';
  return { outcome: outcomeOf(call, flow, values, new URL(request.url).host, response, now()), unknownClient };
}

function outcomeOf(
  call: TokenCall,
  flow: Flow,
  values: TemplateValues,
  host: string,
  response: ReadResponse,
  now: number,
): Outcome {
  const { status, raw } = response;
  const ok = status >= 200 && status < 300;
  // First a token, then the flow's rules: some APIs refuse in a 200.
  const grant = ok ? readGrant(call, flow, response.json, values, raw.headers['date'], now) : undefined;
  if (typeof grant === 'object') return { kind: 'granted', grant };
  const verdict = judge(call, flow, response);
  const retryAfter = retryAfterOf(raw, now);
  if (verdict.kind === 'busy') return { kind: 'busy', reason: verdict.reason, retryAfter: retryAfter ?? verdict.wait };
  if (verdict.kind === 'refused') return { kind: 'refused', reason: statusAndCode(response, values) };
  if (grant !== undefined)
    return failed('malformed', 'answered', true, `${grant}: ${describeResponseWithBody(host, response, values)}`);
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

function failed(
  reason: FailureReason,
  reach: Reach,
  maybeSpent: boolean,
  detail: string | undefined,
  retryAfter?: number,
): Outcome {
  return { kind: 'failed', reason, ...(detail !== undefined && { detail }), reach, maybeSpent, retryAfter };
}
