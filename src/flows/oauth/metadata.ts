import { discoveryRequest, processDiscoveryResponse, type AuthorizationServer } from 'oauth4webapi';
import { parseUrl } from '../../parse-url.ts';
import { describeResponse } from '../describe.ts';
import { isDocument, type ReadResponse } from '../response.ts';
import type { SendTokenCall } from '../run.ts';
import { BoundedMap } from './bounded-map.ts';
import { exchange } from './exchange.ts';
import { failed, type FailedOutcome } from './outcome.ts';

/** The endpoints of a server, or why they are not known. */
export type Metadata =
  | { readonly server: AuthorizationServer; readonly failure?: undefined }
  | { readonly server?: undefined; readonly failure: FailedOutcome };

/** How long metadata is used without asking again. ms. */
export const METADATA_MS = 3_600_000;
/** After a response that is no metadata it is not asked again for so long. ms. */
export const METADATA_RETRY_MS = 10_000;
const MAX_SERVERS = 1_000;

interface Entry {
  /** The last metadata that was read, or why there is none; not a refused connection, which costs nobody anything. */
  known: Metadata | undefined;
  /** Wall clock, ms, at which it is asked again. */
  askAt: number;
  flight: Promise<Metadata> | undefined;
}

/**
 * The metadata of authorization servers (OpenID Connect Discovery, RFC 8414). Known metadata stays in use while the
 * server does not answer: its endpoints hardly ever change. Per sender, because an account's TLS settings decide who
 * answers.
 */
export class MetadataCache {
  readonly #bySender = new WeakMap<SendTokenCall, BoundedMap<Entry>>();
  readonly #onTokenEndpoint: ((url: URL) => void) | undefined;

  /** `onTokenEndpoint`: is told the token endpoints that metadata names. */
  constructor(onTokenEndpoint?: (url: URL) => void) {
    this.#onTokenEndpoint = onTokenEndpoint;
  }

  /** Rejects never. A failure says that the token request itself was not sent. */
  async read(issuer: URL, send: SendTokenCall, now: () => number): Promise<Metadata> {
    let entries = this.#bySender.get(send);
    if (entries === undefined) this.#bySender.set(send, (entries = new BoundedMap(MAX_SERVERS)));
    const entry = entries.get(issuer.href) ?? { known: undefined, askAt: -Infinity, flight: undefined };
    entries.set(issuer.href, entry);
    // A clock that was set back must not prolong anything.
    const fresh = now() < entry.askAt && entry.askAt - now() <= METADATA_MS;
    if (fresh && entry.known !== undefined) return entry.known;
    entry.flight ??= ask(issuer, send)
      .catch(() => unsent('fault', issuer, 'it could not be read'))
      .then((result) => {
        if (result.server !== undefined) this.#tell(result.server);
        entry.askAt = now() + (result.server !== undefined ? METADATA_MS : METADATA_RETRY_MS);
        // A failure does not take the place of what was read earlier.
        if (result.server === undefined && entry.known?.server !== undefined) return entry.known;
        const refused = result.failure?.reason === 'connect' || result.failure?.reason === 'dns';
        entry.known = refused ? undefined : result;
        return result;
      })
      .finally(() => {
        entry.flight = undefined;
      });
    return entry.flight;
  }

  /** The endpoints have been checked. */
  #tell({ token_endpoint: endpoint, mtls_endpoint_aliases: aliases }: AuthorizationServer): void {
    for (const url of [endpoint, aliases?.token_endpoint]) if (url !== undefined) this.#onTokenEndpoint?.(new URL(url));
  }
}

async function ask(issuer: URL, send: SendTokenCall): Promise<Metadata> {
  let first: Metadata | undefined;
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    const answer = await exchange(send, issuer.protocol === 'http:', (options) =>
      discoveryRequest(issuer, { ...options, algorithm }),
    );
    // Whatever became of this request, the token request was not sent.
    if (answer.response === undefined)
      return unsent(answer.failure.reason, issuer, answer.failure.detail ?? answer.failure.reason);
    const { response, url } = answer;
    const { status } = response;
    if (status === 200 && isDocument(response.json)) return readMetadata(issuer, response);
    const reason = status < 300 ? 'malformed' : status < 400 ? 'redirect' : status < 500 ? 'status_4xx' : 'status_5xx';
    first ??= unsent(reason, issuer, describeResponse(url.host, response, {}));
    if (status >= 500 || status === 429) break;
  }
  return first!;
}

async function readMetadata(issuer: URL, { raw }: ReadResponse): Promise<Metadata> {
  let server: AuthorizationServer;
  try {
    server = await processDiscoveryResponse(issuer, new Response(raw.body.replace(/^\uFEFF/, '')));
  } catch {
    return unsent('malformed', issuer, 'it is of another issuer than the configured one');
  }
  const endpoints = [server.token_endpoint, server.authorization_endpoint, server.device_authorization_endpoint];
  const { mtls_endpoint_aliases: aliases = {} } = server;
  if (!isDocument(aliases)) return unsent('malformed', issuer, 'mtls_endpoint_aliases is not an object');
  if (server.token_endpoint === undefined) return unsent('malformed', issuer, 'it names no token_endpoint');
  for (const endpoint of [...endpoints, ...Object.values(aliases)]) {
    if (endpoint !== undefined && !isSafe(endpoint, issuer))
      return unsent('malformed', issuer, 'it names an endpoint that is not an https:// URL');
  }
  return { server };
}

/** An endpoint is as safe as the issuer that the configuration names. */
function isSafe(endpoint: unknown, issuer: URL): boolean {
  const url = typeof endpoint === 'string' ? parseUrl(endpoint) : undefined;
  return url !== undefined && (url.protocol === 'https:' || url.protocol === issuer.protocol) && url.username === '';
}

function unsent(reason: FailedOutcome['reason'], issuer: URL, detail: string): Metadata {
  return { failure: failed(reason, 'unsent', false, `the metadata of ${issuer.host}: ${detail}`) };
}
