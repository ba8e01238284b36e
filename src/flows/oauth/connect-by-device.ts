import { setTimeout as sleep } from 'node:timers/promises';
import {
  deviceAuthorizationRequest,
  deviceCodeGrantRequest,
  processDeviceAuthorizationResponse,
  type DeviceAuthorizationResponse,
} from 'oauth4webapi';
import type { Outcome } from '../../tokens/credential.ts';
import { describeResponseWithBody } from '../describe.ts';
import { pointed } from '../pointer.ts';
import { isDocument, type ReadResponse } from '../response.ts';
import { UnfitValueError, type TemplateValues } from '../template.ts';
import { clientOf } from './client.ts';
import { failed, readOutcome, verdictOn } from './outcome.ts';
import type { Oauth } from './schema.ts';
import { followUpOf, parametersOf } from './settings.ts';
import {
  openSession,
  orImpossible,
  sendAsClient,
  tokenRequest,
  type OauthCaller,
  type OauthResult,
  type Session,
} from './token-call.ts';

/** RFC 8628 §3.2, §3.5. seconds. */
const DEVICE_INTERVAL = 5;
const SLOW_DOWN = 5;
const MAX_DEVICE_INTERVAL = 60;
/** What a server may ask for: a timer of more than 24 days would end at once. seconds. */
const [SHORTEST_INTERVAL, LONGEST_INTERVAL] = [1, 3_600];

/** What a consent on another device needs. */
export interface DeviceConsent {
  readonly onUserCode: (shown: {
    readonly userCode: string;
    readonly verificationUri: string;
    /** The URI that holds the code, if the server gives one. */
    readonly complete: string | undefined;
  }) => void;
  readonly signal: AbortSignal;
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<unknown>) | undefined;
}

/**
 * Gets a token by a person's consent on another device. Rejects with the signal's reason if it is aborted; all else is
 * an outcome.
 */
export async function connectByDevice(
  oauth: Oauth,
  values: TemplateValues,
  caller: OauthCaller,
  consent: DeviceConsent,
): Promise<OauthResult> {
  const result = await orImpossible(async (progress) => {
    const session = await openSession(oauth, values, caller, progress);
    if ('outcome' in session) return session;
    const answer = await requestDevice(session, oauth, values);
    if (answer.started === undefined) return answer;
    const { started } = answer;
    consent.onUserCode({
      userCode: started.user_code,
      verificationUri: started.verification_uri,
      complete: started.verification_uri_complete,
    });
    return pollDevice(session, oauth, values, started, consent);
  });
  if (result.outcome.kind !== 'granted') consent.signal.throwIfAborted();
  return result;
}

async function requestDevice(
  session: Session,
  oauth: Oauth,
  values: TemplateValues,
): Promise<{ readonly started: DeviceAuthorizationResponse } | (OauthResult & { readonly started?: undefined })> {
  const { caller, secrets } = session;
  const endpoint = session.settings.deviceUrl?.href ?? session.server.device_authorization_endpoint;
  if (endpoint === undefined) throw new UnfitValueError('no deviceUrl, and the metadata names no such endpoint');
  const server = { ...session.server, device_authorization_endpoint: endpoint };
  const settings = { ...session.settings, insecure: isHttp(session.settings.deviceUrl) ?? session.settings.insecure };
  const parameters = parametersOf('client_credentials', oauth, values);
  const answer = await sendAsClient({ ...session, settings, server }, false, false, (input) =>
    deviceAuthorizationRequest(input.server, input.client, input.authenticate, parameters, input.options),
  );
  if (answer.response === undefined) return { outcome: answer.failure };
  const { response, url } = answer;
  const client = clientOf(settings, 'none', 0);
  if (response.status === 200 && isDocument(response.json)) {
    try {
      const body = new Response(deviceBody(response));
      const started = await processDeviceAuthorizationResponse(server, client, body);
      if (isShowable(started)) return { started };
    } catch {
      // Neither says more than the text below.
    }
    const detail = describeResponseWithBody(url.host, response, secrets);
    return { outcome: failed('malformed', 'answered', false, `no device code: ${detail}`), response };
  }
  const verdict = verdictOn(response, false, caller.rules);
  return { outcome: readOutcome(response, verdict, url.host, 'any', secrets, caller.now()), response };
}

function isHttp(url: URL | undefined): boolean | undefined {
  return url === undefined ? undefined : url.protocol === 'http:';
}

/** These go to a terminal, which obeys control characters. */
function isShowable(started: DeviceAuthorizationResponse): boolean {
  const { user_code: code, verification_uri: uri, verification_uri_complete: complete = uri } = started;
  return (
    /^[\x20-\x7e]{1,100}$/.test(code) && [uri, complete].every((url) => /^https?:\/\/[\x21-\x7e]{1,2000}$/.test(url))
  );
}

/** Google and others call it verification_url. */
function deviceBody({ json }: ReadResponse): string {
  const body = json as Record<string, unknown>;
  return JSON.stringify({ ...body, verification_uri: body['verification_uri'] ?? body['verification_url'] });
}

async function pollDevice(
  session: Session,
  oauth: Oauth,
  values: TemplateValues,
  started: DeviceAuthorizationResponse,
  { signal, wait = (ms) => sleep(ms, undefined, { signal }) }: DeviceConsent,
): Promise<OauthResult> {
  const { now } = session.caller;
  const endsAt = now() + started.expires_in * 1000;
  let interval = Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, started.interval ?? DEVICE_INTERVAL));
  for (;;) {
    await wait(interval * 1000, signal);
    signal.throwIfAborted();
    if (now() >= endsAt) return { outcome: notInTime() };
    const result = await tokenRequest(session, false, oauth.dpop ? 'dpop' : 'bearer', (input) =>
      deviceCodeGrantRequest(input.server, input.client, input.authenticate, started.device_code, {
        ...input.options,
        additionalParameters: followUpOf(oauth, values),
      }),
    );
    const { outcome, response } = result;
    const error = outcome.kind === 'granted' ? undefined : pointed(response?.json, '/error')[0];
    if (error === 'authorization_pending') continue;
    if (error === 'access_denied')
      return { ...result, outcome: { kind: 'refused', reason: 'the person did not consent' } };
    if (error === 'expired_token') return { ...result, outcome: notInTime() };
    if (error === 'slow_down') interval += SLOW_DOWN;
    // RFC 8628 §3.5: when the server cannot be reached, ask less and less often.
    else if (outcome.kind === 'busy' || isPassing(outcome))
      interval = Math.max(interval, Math.min(interval * 2, MAX_DEVICE_INTERVAL));
    else return result;
  }
}

/** A failure after which the device code is still good. */
function isPassing(outcome: Outcome): boolean {
  return (
    outcome.kind === 'failed' &&
    (!outcome.maybeSpent || outcome.reach === 'unanswered') &&
    outcome.reason !== 'status_4xx'
  );
}

function notInTime(): Outcome {
  return failed('timeout', 'answered', false, 'nobody consented before the code expired');
}
