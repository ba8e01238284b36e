import {
  DPoP,
  modifyAssertion,
  type AuthorizationServer,
  type Client,
  type ClientAuth,
  type DPoPHandle,
} from 'oauth4webapi';
import { createPublicKey, webcrypto } from 'node:crypto';
import { pointed } from '../pointer.ts';
import type { ReadResponse } from '../response.ts';
import type { SendTokenCall } from '../run.ts';
import { UnfillableError, type TemplateValues } from '../template.ts';
import type { Outcome } from '../../tokens/credential.ts';
import { authenticator, clientOf, clientWays, type ClientWay } from './client.ts';
import { newDpopKey, readDpopKey } from './dpop.ts';
import { exchange, type Answer, type RequestOptions } from './exchange.ts';
import { CLOCK_SLACK_MS, type OauthMemory } from './memory.ts';
import { failed, readOutcome, verdictOn, type OauthRules, type TokenType } from './outcome.ts';
import type { Oauth } from './schema.ts';
import { fillSettings, type OauthSettings } from './settings.ts';

/** What requests to an authorization server need beside the flow and the account. */
export interface OauthCaller {
  readonly send: SendTokenCall;
  /** For metadata, which is kept for each sender. Default: `send`. */
  readonly sendForMetadata?: SendTokenCall | undefined;
  /** Wall clock, ms. */
  readonly now: () => number;
  readonly memory: OauthMemory;
  /** The flow's own `refused` and `busy`. */
  readonly rules?: OauthRules | undefined;
}

/** What a login, refresh or consent came to. */
export interface OauthResult {
  readonly outcome: Outcome;
  /** The endpoint's response, for the locators of `answer`. Undefined: there was none. */
  readonly response?: ReadResponse | undefined;
  /** The key to which the granted token is bound, as text. To be sealed with the token. */
  readonly dpopKey?: string | undefined;
}

/** Whether a request that a grant may depend on has gone out. */
export interface Progress {
  sent: boolean;
}

/** One account's view of its authorization server. Holds secrets. */
export interface Session {
  readonly settings: OauthSettings;
  readonly server: AuthorizationServer;
  readonly caller: OauthCaller;
  /** What no text for people may quote. */
  readonly secrets: TemplateValues;
  /** The key of DPoP as text; undefined without DPoP. */
  readonly dpopKey: string | undefined;
  readonly progress: Progress;
}

/** What a request builder of oauth4webapi is given. */
export interface BuilderInput {
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly authenticate: ClientAuth;
  readonly options: RequestOptions & { readonly DPoP?: DPoPHandle };
}
type Build = (input: BuilderInput) => Promise<Response>;

/** Fills in the settings and finds the server's endpoints. Throws an UnfillableError. */
export async function openSession(
  oauth: Oauth,
  values: TemplateValues,
  caller: OauthCaller,
  progress: Progress,
  secretsBeside: TemplateValues = {},
): Promise<Session | OauthResult> {
  const settings = fillSettings(oauth, values);
  let server: AuthorizationServer;
  if (settings.issuer === undefined) {
    server = { issuer: settings.tokenUrl!.href, token_endpoint: settings.tokenUrl!.href };
  } else {
    const { memory, send, sendForMetadata = send, now } = caller;
    const metadata = await memory.metadata.read(settings.issuer, sendForMetadata, now);
    if (metadata.server === undefined) return { outcome: metadata.failure };
    ({ server } = metadata);
  }
  const kept = values['dpopKey'];
  const dpopKey = !settings.dpop ? undefined : typeof kept === 'string' && kept !== '' ? kept : newDpopKey();
  const secrets = { ...secretsBeside, ...values, clientSecret: settings.clientSecret, key: settings.key };
  return { settings, server, caller, secrets, dpopKey, progress };
}

/** What `work` returns, or what keeps it from it: a value that is missing or does not fit. */
export async function orImpossible(work: (progress: Progress) => Promise<OauthResult>): Promise<OauthResult> {
  const progress: Progress = { sent: false };
  try {
    return await work(progress);
  } catch (error) {
    if (progress.sent) return { outcome: failed('fault', 'unanswered', true, undefined) };
    // Nothing is sent until the configuration changes.
    const reason =
      error instanceof UnfillableError ? error.message : 'the call cannot be built from the configured credentials';
    return { outcome: { kind: 'impossible', reason } };
  }
}

/** One token request, and what it came to. `refresh`: it spends a refresh token. */
export async function tokenRequest(
  session: Session,
  refresh: boolean,
  type: TokenType,
  build: Build,
): Promise<OauthResult> {
  const { caller, settings, secrets, dpopKey } = session;
  const answer = await sendAsClient(session, refresh, settings.dpop, build);
  if (answer.response === undefined) return { outcome: answer.failure };
  const { response, url } = answer;
  const verdict = verdictOn(response, refresh, caller.rules);
  const outcome = readOutcome(response, verdict, url.host, type, secrets, caller.now());
  return { outcome, response, dpopKey };
}

/**
 * Sends a request with the client's authentication. It is sent again only after an error by which the endpoint says
 * that it has not looked at the grant, so that nothing is spent twice: `invalid_client` (RFC 6749 §5.2) where there is
 * another way to show the client, or where the endpoint's clock differs from the one that dated the assertion;
 * `use_dpop_nonce` (RFC 9449 §8), or `invalid_dpop_proof` dated by the wrong clock.
 */
export async function sendAsClient(session: Session, refresh: boolean, proven: boolean, build: Build): Promise<Answer> {
  const { settings, server, caller } = session;
  const { memory } = caller;
  const memoryKey = `${server.token_endpoint ?? ''}\n${settings.clientId}`;
  let ways = clientWays(settings, server);
  const remembered = ways.length > 1 ? memory.clientAuths.get(memoryKey) : undefined;
  // The way has worked before, so if it does not now, it is the secret that is wrong.
  if (remembered !== undefined && ways.includes(remembered)) ways = [remembered];
  let [nonceTried, clockTried] = [false, false];
  for (let index = 0; ;) {
    const way = ways[index]!;
    const { answer, origin, offset, nonce } = await sendOnce(session, way, proven, build);
    if (answer.response === undefined) return answer;
    const { response } = answer;
    const { status } = response;
    const nextNonce = memory.nonces.note(origin, response.raw.headers);
    memory.noteDate(origin, response.raw.headers['date'], caller.now());
    const error = status >= 400 && status < 500 ? pointed(response.json, '/error')[0] : undefined;
    if (proven && error === 'use_dpop_nonce' && nextNonce !== undefined && nextNonce !== nonce && !nonceTried) {
      nonceTried = true;
      continue;
    }
    const verdict = verdictOn(response, refresh, caller.rules);
    const unknownClient = error === 'invalid_client' && verdict.kind === 'refused';
    const dated = (unknownClient && /_jwt$/.test(way)) || (proven && error === 'invalid_dpop_proof');
    if (dated && !clockTried && Math.abs(memory.clockOffset(origin) - offset) > CLOCK_SLACK_MS) {
      clockTried = true;
      continue;
    }
    // A grant proves the way; so does, of a second one, a refusal that is not about the client.
    const proved = isGrant(response) || (index > 0 && verdict.kind === 'refused' && !unknownClient);
    if (proved && (way === 'post' || way === 'basic')) memory.clientAuths.remember(memoryKey, way);
    if (!unknownClient || index + 1 === ways.length) return answer;
    index += 1;
  }
}

function isGrant({ status, json }: ReadResponse): boolean {
  return status < 300 && ['/access_token', '/device_code'].some((at) => typeof pointed(json, at)[0] === 'string');
}

/** What a request was dated and proved by. */
interface Circumstances {
  readonly origin: string;
  /** By how much the endpoint's clock was taken to be ahead. ms. */
  readonly offset: number;
  readonly nonce: string | undefined;
}

async function sendOnce(
  { settings, server, caller, dpopKey, progress }: Session,
  way: ClientWay,
  proven: boolean,
  build: Build,
): Promise<{ readonly answer: Answer } & Circumstances> {
  const { send, now, memory } = caller;
  const origin = new URL(endpointOf(server, way)).origin;
  const offset = memory.clockOffset(origin);
  // The library dates what it signs by the system's clock.
  const client = clientOf(settings, way, now() + offset - Date.now());
  const authenticate = await authenticator(way, settings, server);
  const nonce = memory.nonces.get(origin);
  const handle = proven && dpopKey !== undefined ? await dpopHandle(client, dpopKey, nonce) : undefined;
  const sendNoted: SendTokenCall = (request) => {
    progress.sent = true;
    return send(request);
  };
  const answer = await exchange(sendNoted, settings.insecure, (options) =>
    build({ server, client, authenticate, options: { ...options, ...(handle !== undefined && { DPoP: handle }) } }),
  );
  return { answer, origin, offset, nonce };
}

function endpointOf(server: AuthorizationServer, way: ClientWay): string {
  return (way === 'tls' ? server.mtls_endpoint_aliases?.token_endpoint : undefined) ?? server.token_endpoint!;
}

/** Signs proofs for the authorization server. */
export async function dpopHandle(client: Client, dpopKey: string, nonce: string | undefined): Promise<DPoPHandle> {
  const { privateKey } = readDpopKey(dpopKey);
  const imported = (jwk: webcrypto.JsonWebKey, use: 'sign' | 'verify'): Promise<webcrypto.CryptoKey> =>
    webcrypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, use === 'verify', [use]);
  const pair = {
    privateKey: await imported(privateKey.export({ format: 'jwk' }), 'sign'),
    publicKey: await imported(createPublicKey(privateKey).export({ format: 'jwk' }), 'verify'),
  };
  return DPoP(client, pair, {
    // A handle keeps nonces for its own life only; ours is kept by the server's origin.
    [modifyAssertion]: (_header, payload) => {
      if (nonce !== undefined) payload['nonce'] = nonce;
    },
  });
}
