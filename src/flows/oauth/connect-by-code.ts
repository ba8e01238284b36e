import { setTimeout as sleep } from 'node:timers/promises';
import {
  authorizationCodeGrantRequest,
  AuthorizationResponseError,
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  generateRandomState,
  validateAuthResponse,
} from 'oauth4webapi';
import { parseUrl } from '../../parse-url.ts';
import type { Outcome } from '../../tokens/credential.ts';
import { fillString, UnfitValueError, type TemplateValues } from '../template.ts';
import { clientOf } from './client.ts';
import { failed } from './outcome.ts';
import type { Oauth } from './schema.ts';
import { filled, followUpOf, resourcesOf, type Parameters } from './settings.ts';
import {
  dpopHandle,
  openSession,
  orImpossible,
  tokenRequest,
  type OauthCaller,
  type OauthResult,
  type Session,
} from './token-call.ts';

/** How long a person may take for the consent in a browser. ms. */
const CONSENT_MS = 600_000;

/** Waits on this machine for the browser to come back. */
export interface CallbackListener {
  readonly port: number;
  /** The query of the request with the right path and host that `accept` has accepted. */
  readonly received: Promise<URLSearchParams>;
  close(): Promise<void>;
}

/** Opens one. `hosts`: names under which it may be asked. Rejects if the port is taken. */
export type ListenForCallback = (options: {
  /** 0: any free one. */
  readonly port: number;
  readonly path: string;
  readonly hosts: readonly string[];
  readonly accept: (query: URLSearchParams) => boolean;
}) => Promise<CallbackListener>;

/** What a consent in a browser needs. */
export interface BrowserConsent {
  /** Shows the person the URL to open. */
  readonly onUrl: (url: string) => void;
  readonly listen: ListenForCallback;
  /**
   * Asks the person for the URL at which the browser ended, where the redirect URI does not lead to this machine.
   */
  readonly paste?: ((signal: AbortSignal) => Promise<string>) | undefined;
  readonly signal: AbortSignal;
  /** ms. */
  readonly timeout?: number | undefined;
}

/**
 * Gets a token by a person's consent in a browser. Rejects with the signal's reason if it is aborted; all else is an
 * outcome.
 */
export async function connectByCode(
  oauth: Oauth,
  values: TemplateValues,
  caller: OauthCaller,
  consent: BrowserConsent,
): Promise<OauthResult> {
  const result = await orImpossible(async (progress) => {
    const session = await openSession(oauth, values, caller, progress);
    if ('outcome' in session) return session;
    const { settings, server } = session;
    const endpoint = settings.authorizeUrl?.href ?? server.authorization_endpoint;
    if (endpoint === undefined) throw new UnfitValueError('no authorizeUrl, and the metadata names no such endpoint');
    if (settings.clientId === '') throw new UnfitValueError('no value for clientId');
    const [state, verifier] = [generateRandomState(), generateRandomCodeVerifier()];
    const redirect = await openRedirect(oauth, values, state, consent);
    try {
      const url = new URL(endpoint);
      const parameters: Parameters = [
        ...filled(oauth.scope === undefined ? [] : [['scope', oauth.scope]], values),
        ...filled(oauth.audience === undefined ? [] : [['audience', oauth.audience]], values),
        ...(await bindingOf(session)),
        ['client_id', settings.clientId],
        ['response_type', 'code'],
        ['redirect_uri', redirect.uri],
        ['state', state],
        ['code_challenge', await calculatePKCECodeChallenge(verifier)],
        ['code_challenge_method', 'S256'],
      ];
      for (const [name, value] of parameters) url.searchParams.set(name, value);
      for (const [name, value] of resourcesOf(oauth, values)) url.searchParams.append(name, value);
      consent.onUrl(url.href);
      const query = await redirect.received();
      if (query === undefined)
        return { outcome: failed('timeout', 'unsent', false, 'nobody consented within the time for it') };
      const code = codeIn(query, session, state);
      if ('kind' in code) return { outcome: code };
      return await tokenRequest(session, false, oauth.dpop ? 'dpop' : 'bearer', (input) =>
        authorizationCodeGrantRequest(input.server, input.client, input.authenticate, code, redirect.uri, verifier, {
          ...input.options,
          additionalParameters: followUpOf(oauth, values),
        }),
      );
    } finally {
      await redirect.close();
    }
  });
  if (result.outcome.kind !== 'granted') consent.signal.throwIfAborted();
  return result;
}

/** Where the browser comes back, and what it brings. */
interface Redirect {
  readonly uri: string;
  /** Undefined: nothing in time. */
  received(): Promise<URLSearchParams | undefined>;
  close(): Promise<void>;
}

async function openRedirect(
  oauth: Oauth,
  values: TemplateValues,
  state: string,
  { listen, paste, signal, timeout = CONSENT_MS }: BrowserConsent,
): Promise<Redirect> {
  const written = oauth.redirectUri === undefined ? '' : fillString(oauth.redirectUri, values);
  const registered = written === '' ? undefined : written;
  const target = registered === undefined ? undefined : parseUrl(registered);
  if (registered !== undefined && target === undefined) throw new UnfitValueError('redirectUri is not a URL');
  const ends = new AbortController();
  const both = AbortSignal.any([signal, ends.signal]);
  const withinTime = async (found: Promise<URLSearchParams>): Promise<URLSearchParams | undefined> => {
    const passed = sleep(timeout, undefined, { signal: both });
    passed.catch(() => undefined);
    return Promise.race([found, passed]);
  };
  if (target !== undefined && !isHere(target)) {
    if (paste === undefined)
      throw new UnfitValueError('redirectUri does not lead to http://127.0.0.1 or http://localhost');
    return {
      uri: registered!,
      received: () =>
        withinTime(paste(both).then((text) => parseUrl(text.trim())?.searchParams ?? new URLSearchParams())),
      close: async () => ends.abort(),
    };
  }
  const port = oauth.redirectPort ?? (target === undefined ? 0 : Number(target.port || 80));
  const path = target?.pathname ?? '/callback';
  let listener: CallbackListener;
  try {
    listener = await listen({
      port,
      path,
      hosts: [target?.hostname ?? '127.0.0.1'],
      accept: (query) => query.get('state') === state,
    });
  } catch {
    throw new UnfitValueError(`port ${port} of 127.0.0.1 cannot be listened on`);
  }
  return {
    uri: registered ?? `http://127.0.0.1:${listener.port}${path}`,
    received: () => withinTime(listener.received),
    close: async () => {
      ends.abort();
      await listener.close();
    },
  };
}

function isHere({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && (hostname === '127.0.0.1' || hostname === 'localhost');
}

/** The authorization response with its code, checked (RFC 6749 §4.1.2, RFC 9207); or what it means. */
function codeIn(query: URLSearchParams, session: Session, state: string): URLSearchParams | Outcome {
  const { settings, server } = session;
  // Without metadata the issuer's name is not known, and there is no other server that could be taken for it.
  if (settings.issuer === undefined) query.delete('iss');
  try {
    const checked = validateAuthResponse(server, clientOf(settings, 'none', 0), query, state);
    if (checked.getAll('code').length === 1) return checked;
    return failed('malformed', 'answered', false, 'the browser came back without a code, or with several');
  } catch (error) {
    if (error instanceof AuthorizationResponseError)
      return { kind: 'refused', reason: `the authorization server sent the browser back${codeOf(error.error)}` };
    return failed('malformed', 'answered', false, 'the browser came back with a response that is not to this request');
  }
}

function codeOf(error: string): string {
  return /^[a-z_]{1,40}$/.test(error) ? ` with ${error}` : ' with an error';
}

/** Binds the code to the key of DPoP (RFC 9449 §10). */
async function bindingOf({ settings, dpopKey }: Session): Promise<Parameters> {
  if (dpopKey === undefined) return [];
  const handle = await dpopHandle(clientOf(settings, 'none', 0), dpopKey, undefined);
  return [['dpop_jkt', await handle.calculateThumbprint()]];
}
