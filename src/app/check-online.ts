import type { LoadedConfig } from '../config/load.ts';
import { canLogin, isFixed } from '../flows/flow.ts';
import { dial, destinationOf, DialError } from '../http/client/dial.ts';
import { clientTls, type TlsFiles } from '../http/tls.ts';
import { describeFault } from '../log.ts';
import { loginCalls } from '../proxy/legacy-login.ts';
import { parseUrl } from '../parse-url.ts';
import { StoreError } from '../tokens/store.ts';
import { egressProxy } from './egress-proxy.ts';
import { openStore, storeWarnings, type StoreDependencies } from './open-store.ts';
import { storeIsThere } from './store-presence.ts';
import { FlowTrial } from './try-flow.ts';

/** How long a connection may take, TLS included. ms. */
const CONNECT_MS = 10_000;
/** Accounts whose endpoints are tried; there may be thousands, mostly with the same endpoints. */
const MAX_ACCOUNTS = 200;

/** What was tried, and what came of it. No text of it is a secret. */
export interface OnlineResult {
  readonly kind: 'upstream' | 'token endpoint' | 'store' | 'login';
  /** An origin, the store, or an account. */
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

interface Place {
  readonly kind: 'upstream' | 'token endpoint';
  readonly origin: string;
  readonly tls: TlsFiles | undefined;
  /** The routes or accounts that need it. */
  readonly users: string[];
}

/**
 * Connects to every upstream and token endpoint as `serve` would, with certificates verified, and opens the store. No
 * request is sent, unless `login`: then each account logs in once, and the token is thrown away.
 */
export async function checkOnline(
  config: LoadedConfig,
  dependencies: StoreDependencies,
  { login }: { readonly login: boolean },
): Promise<OnlineResult[]> {
  const via = egressProxy(config);
  const connected = placesOf(config).map((place) => connect(place, via));
  const results = await Promise.all([...connected, checkStore(config, dependencies)]);
  if (!login) return results;
  for (const [account, flow] of config.flowOf)
    if (!isFixed(flow) && canLogin(flow)) results.push(await logIn(config, account));
  return results;
}

/** Each origin once. */
function placesOf(config: LoadedConfig): Place[] {
  const places = new Map<string, Place>();
  const add = (kind: Place['kind'], text: string, tls: TlsFiles | undefined, user: string): void => {
    const url = parseUrl(text);
    // An answer names the host.
    if (url === undefined || url.hostname.startsWith('*')) return;
    const key = JSON.stringify([kind, url.origin, tls ?? null]);
    const known = places.get(key);
    if (known === undefined) places.set(key, { kind, origin: url.origin, tls, users: [user] });
    else if (!known.users.includes(user)) known.users.push(user);
  };
  for (const { name, upstream, tls } of config.routes) add('upstream', upstream, tls, name);
  for (const [account, flow] of [...config.flowOf].slice(0, MAX_ACCOUNTS)) {
    const settings = config.accounts[account]!;
    const base = settings.baseUrl === undefined ? flow : { ...flow, baseUrl: settings.baseUrl };
    const urls = loginCalls(base, settings.credentials).map(({ url }) => url);
    if (flow.oauth?.issuer !== undefined) urls.push(flow.oauth.issuer);
    for (const url of urls) add('token endpoint', url, settings.tls, account);
  }
  return [...places.values()];
}

async function connect({ kind, origin, tls, users }: Place, via: (origin: string) => string): Promise<OnlineResult> {
  const name = `${origin} (${users.slice(0, 5).join(', ')}${users.length > 5 ? ', …' : ''})`;
  try {
    const destination = destinationOf(origin, clientTls(tls), via(origin));
    const socket = await dial(destination, CONNECT_MS, new AbortController().signal, undefined, () => undefined);
    socket.destroy();
    return { kind, name, ok: true };
  } catch (error) {
    return { kind, name, ok: false, detail: reasonOf(error) };
  }
}

/** Node's codes in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name cannot be resolved',
  EAI_AGAIN: 'the name cannot be resolved: no name server answers',
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection was closed',
  ETIMEDOUT: `no connection within ${CONNECT_MS / 1000} s`,
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an unknown authority: set tls.caFile',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself: set tls.caFile',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an unknown authority: set tls.caFile',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of an unknown authority: set tls.caFile',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

function reasonOf(error: unknown): string {
  if (!(error instanceof DialError)) return error instanceof Error ? error.message : 'it cannot be reached';
  const reason = REASONS[error.code];
  const through = error.proxy === undefined ? '' : `, through the proxy ${error.proxy}`;
  return `${reason ?? 'it cannot be reached'} (${error.code})${through}`;
}

/** Opens it, unless it would have to be made. */
async function checkStore(config: LoadedConfig, dependencies: StoreDependencies): Promise<OnlineResult> {
  const name = config.store.type === 'redis' ? 'Redis' : config.store.path;
  try {
    if (!storeIsThere(config)) return { kind: 'store', name, ok: true, detail: 'not there yet, serve makes it' };
    const warnings = await storeWarnings(config, dependencies);
    const { store } = await openStore(config, dependencies);
    await store.close();
    return { kind: 'store', name, ok: true, ...(warnings.length > 0 && { detail: warnings.join('; ') }) };
  } catch (error) {
    return {
      kind: 'store',
      name,
      ok: false,
      detail: error instanceof StoreError ? error.message : describeFault(error),
    };
  }
}

async function logIn(config: LoadedConfig, account: string): Promise<OnlineResult> {
  const { outcome } = await new FlowTrial(config, account, false).login();
  if (outcome?.kind === 'granted') return { kind: 'login', name: account, ok: true };
  const reason = outcome !== undefined && 'reason' in outcome ? `: ${outcome.reason}` : '';
  return { kind: 'login', name: account, ok: false, detail: `${outcome?.kind ?? 'not made'}${reason}` };
}
