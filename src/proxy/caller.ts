import { createHash, timingSafeEqual } from 'node:crypto';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { CallerConfig } from '../config/schema.ts';
import { TokenwardError } from '../errors.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import { peerOf } from '../http/server/peer.ts';
import { accountPatterns, type AccountPatterns } from './account-patterns.ts';
import type { Asked } from './forwarded.ts';
import type { KeyThrottle } from './key-throttle.ts';
import { looksLikeJwt, type JwtCheck } from './jwt.ts';
import type { StandInPlace, StandIns } from './stand-in.ts';
import { tunnelOrigin } from './tunnel-origin.ts';

/** A configured caller. `routes`: prefixes of the routes that it may use; undefined: all. */
export interface Caller {
  readonly name: string;
  readonly digest: Buffer | undefined;
  readonly certificate: string | undefined;
  readonly jwt: string | undefined;
  readonly routes: ReadonlySet<string> | undefined;
  /** Its own account and those it may choose, on routes whose account depends on the request. */
  readonly account: string | undefined;
  readonly accounts: AccountPatterns;
}

/** The digest of a caller's key, for the configuration. Keys are random and long, so a fast hash is enough. */
export function keyDigest(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** Whether X-Api-Key may carry a caller's key: some caller has one. */
export function readsApiKey(callers: 'none' | readonly Pick<CallerConfig, 'key'>[]): boolean {
  return callers !== 'none' && callers.some(({ key }) => key !== undefined);
}

/** Identifies callers by client certificate, JWT or key. */
export class Callers {
  readonly #callers: readonly Caller[];
  readonly #jwt: JwtCheck | undefined;
  readonly #keyThrottle: KeyThrottle;
  readonly #readsApiKey: boolean;
  readonly #standIns: () => StandIns | undefined;
  /** Keys that have been verified, so that each is hashed once. At most one per caller. */
  readonly #verifiedKeys = new Map<string, Caller>();
  readonly #byJwtName = new Map<string, Caller>();
  /** Reading a certificate takes 16 µs, half a request; a connection has the same one to its end. */
  readonly #certified = new WeakMap<object, Caller | 'none'>();

  constructor(
    config: readonly CallerConfig[],
    jwt: JwtCheck | undefined,
    keyThrottle: KeyThrottle,
    standIns: () => StandIns | undefined,
  ) {
    this.#callers = config.map(({ name, key, certificate, jwt: subject, routes, account, accounts }) => ({
      name,
      certificate,
      jwt: subject,
      digest: key === undefined ? undefined : Buffer.from(key.slice('sha256:'.length), 'hex'),
      routes: routes && new Set(routes),
      account,
      accounts: accountPatterns(accounts),
    }));
    for (const caller of this.#callers)
      if (caller.jwt !== undefined && !this.#byJwtName.has(caller.jwt)) this.#byJwtName.set(caller.jwt, caller);
    this.#jwt = jwt;
    this.#keyThrottle = keyThrottle;
    this.#standIns = standIns;
    this.#readsApiKey = readsApiKey(config);
  }

  /**
   * The caller of a request. Throws 401 (to a client that takes this for its proxy: 407) without key, token or
   * certificate, 403 for a wrong one or a route that the caller may not use, 429 after too many wrong ones. `asked`: of
   * an origin server, or of a proxy; requests in a tunnel are those of the caller that opened it.
   */
  identify(request: InboundRequest, route: EnteredRoute, asked: Asked): Caller | Promise<Caller> {
    if (asked === 'in a tunnel') {
      const connect = tunnelOrigin(request.socket)?.connect;
      if (connect === undefined) throw new TokenwardError('proxy_key_missing');
      // Looked at again, because a token may have expired since.
      return this.#identify(connect, route, true);
    }
    return this.#identify(request, route, asked === 'as a proxy');
  }

  /** The caller that opens a tunnel. Throws like `identify`. */
  identifyConnect(connect: InboundRequest): Caller | Promise<Caller> {
    return this.#identify(connect, undefined, true);
  }

  /**
   * The name of the caller of a request that is refused anyway. Nothing is counted, and nobody is told whether the key
   * was right; undefined: it was not, or there is none.
   */
  async nameOf(request: InboundRequest, asked: Asked): Promise<string | undefined> {
    const of = asked === 'in a tunnel' ? tunnelOrigin(request.socket)?.connect : request;
    if (of === undefined) return undefined;
    const byCertificate = this.#byCertificate(of);
    if (byCertificate !== undefined) return byCertificate.name;
    const key = asked === 'as the origin' ? keyOrTokenOf(of, this.#readsApiKey) : proxyKeyOf(of);
    if (key === undefined || this.#keyThrottle.refusal(peerOf(of.socket)) !== undefined) return undefined;
    if (this.#jwt === undefined || !looksLikeJwt(key)) return this.#byKey(key)?.name;
    const subject = await this.#jwt.callerOf(key).catch(() => undefined);
    return this.#byName(subject)?.name;
  }

  #identify(request: InboundRequest, route: EnteredRoute | undefined, asProxy: boolean): Caller | Promise<Caller> {
    const prefix = route?.name;
    const byCertificate = this.#byCertificate(request);
    if (byCertificate !== undefined) return requireRoute(byCertificate, prefix);
    const address = peerOf(request.socket);
    const keyOrToken = asProxy ? proxyKeyOf(request) : keyOrTokenOf(request, this.#readsApiKey);
    const place = asProxy ? undefined : route?.standIn;
    if (place !== undefined) {
      const standIn = this.#readStandIn(request, keyOrToken, place);
      if (standIn === 'expired') throw new TokenwardError('caller_key_missing', { detail: STAND_IN_EXPIRED });
      if (standIn !== undefined) {
        const found = standIn === 'forged' ? undefined : this.#callers.find(({ name }) => name === standIn.name);
        const refusal = found === undefined ? this.#keyThrottle.refusal(address) : undefined;
        return requireRoute(this.#countAttempt(found, address, refusal), prefix);
      }
    }
    // Verified before the throttle: a right one passes, whatever others at the same address have sent.
    if (keyOrToken !== undefined && this.#jwt !== undefined) {
      const remembered = this.#byName(this.#jwt.remembered(keyOrToken));
      if (remembered !== undefined) return requireRoute(this.#countAttempt(remembered, address, undefined), prefix);
      if (looksLikeJwt(keyOrToken)) return this.#byJwt(this.#jwt, keyOrToken, prefix, address);
    }
    const caller = keyOrToken === undefined ? undefined : this.#byKey(keyOrToken);
    const refusal = caller === undefined ? this.#keyThrottle.refusal(address) : undefined;
    if (keyOrToken === undefined)
      throw refusal ?? new TokenwardError(asProxy ? 'proxy_key_missing' : 'caller_key_missing');
    return requireRoute(this.#countAttempt(caller, address, refusal), prefix);
  }

  /**
   * The stand-in for the token of an answered login, by which the caller is known without its key. Undefined: this
   * caller is not known by its key either, or has sent the login through its proxy.
   */
  standInFor(
    caller: Caller,
    request: InboundRequest,
    place: StandInPlace | undefined,
    asked: Asked,
  ): string | undefined {
    if (place === undefined || asked !== 'as the origin') return undefined;
    const key = keyOrTokenOf(request, this.#readsApiKey);
    if (key !== undefined && this.#byKey(key) === caller) return this.#standIns()?.issue(caller, place.scope);
    // Known by an earlier one: its end stays, so that none lives for ever.
    const earlier = this.#readStandIn(request, key, place);
    return typeof earlier === 'object' ? this.#standIns()?.issue(caller, place.scope, earlier.end) : undefined;
  }

  /** A right key beside it comes first. */
  #readStandIn(
    request: InboundRequest,
    keyOrToken: string | undefined,
    place: StandInPlace,
  ): ReturnType<StandIns['read']> {
    const value = request.field(place.header);
    if (typeof value !== 'string' || (keyOrToken !== undefined && this.#byKey(keyOrToken) !== undefined))
      return undefined;
    return this.#standIns()?.read(value, place, this.#callers);
  }

  #byKey(key: string): Caller | undefined {
    const known = this.#verifiedKeys.get(key);
    if (known !== undefined) return known;
    const digest = createHash('sha256').update(key).digest();
    // Compares every digest, and in constant time, so that the response time tells nothing about a guess.
    let found: Caller | undefined;
    for (const caller of this.#callers)
      if (caller.digest !== undefined && timingSafeEqual(caller.digest, digest)) found = caller;
    if (found !== undefined) this.#verifiedKeys.set(key, found);
    return found;
  }

  async #byJwt(check: JwtCheck, token: string, prefix: string | undefined, address: string): Promise<Caller> {
    // Read before the verification: of several tokens being verified at once, none is refused because of the others.
    const refusal = this.#keyThrottle.refusal(address);
    let name: string;
    try {
      name = await check.callerOf(token);
    } catch (error) {
      if (!(error instanceof TokenwardError) || error.code !== 'caller_key_unknown') throw error;
      if (refusal === undefined) this.#keyThrottle.countWrongKey(address);
      throw refusal ?? error;
    }
    return requireRoute(this.#countAttempt(this.#byName(name), address, refusal), prefix);
  }

  /** By the name in a JWT. */
  #byName(name: string | undefined): Caller | undefined {
    return name === undefined ? undefined : this.#byJwtName.get(name);
  }

  /** By a client certificate that the configured authority has signed. */
  #byCertificate(request: InboundRequest): Caller | undefined {
    const socket = request.socket as Partial<TLSSocket>;
    if (socket.authorized !== true || socket.getPeerCertificate === undefined) return undefined;
    let found = this.#certified.get(socket);
    if (found === undefined) {
      found = this.#ofCertificate(socket.getPeerCertificate()) ?? 'none';
      this.#certified.set(socket, found);
    }
    return found === 'none' ? undefined : found;
  }

  /** A certificate may have no subject, and a resumed session counts as authorized even without a certificate. */
  #ofCertificate({ subject, subjectaltname }: Partial<PeerCertificate>): Caller | undefined {
    // Names come as `DNS:a, URI:b`; Node escapes a comma within a name, so that it cannot pass for two. The common name
    // is free text, which an authority checks less: it counts only if there are no other names (RFC 9525 §2).
    const names = subjectaltname?.split(', ').map((entry) => entry.replace(/^(DNS|URI):/, '')) ?? [subject?.CN];
    return this.#callers.find((caller) => caller.certificate !== undefined && names.includes(caller.certificate));
  }

  /** Counts a right or wrong key. `refusal`: thrown for a wrong one that is not counted. */
  #countAttempt(caller: Caller | undefined, address: string, refusal: TokenwardError | undefined): Caller {
    if (caller === undefined) {
      if (refusal !== undefined) throw refusal;
      this.#keyThrottle.countWrongKey(address);
      throw new TokenwardError('caller_key_unknown');
    }
    this.#keyThrottle.countRightKey(address);
    return caller;
  }
}

const STAND_IN_EXPIRED = 'the token of the answered login has ended: log in again';

/** What of a route matters here. */
interface EnteredRoute {
  readonly name: string;
  readonly standIn?: StandInPlace | undefined;
}

function requireRoute(caller: Caller, prefix: string | undefined): Caller {
  if (prefix !== undefined && caller.routes !== undefined && !caller.routes.has(prefix))
    throw new TokenwardError('caller_not_allowed', { detail: `caller ${caller.name}` });
  return caller;
}

/**
 * The key or token, from any field that a legacy application can set. None of these fields is forwarded. If no caller
 * has a key, X-Api-Key belongs to the application, is forwarded, and identifies no caller.
 */
function keyOrTokenOf(request: InboundRequest, apiKey: boolean): string | undefined {
  const keyField = request.field('x-tokenward-key') ?? (apiKey ? request.field('x-api-key') : undefined);
  if (typeof keyField === 'string' && keyField !== '') return keyField;
  return credentialsOf(request, 'authorization') ?? credentialsOf(request, 'proxy-authorization');
}

/**
 * The same for a client that takes this for its proxy: the other fields are those of its request to the upstream (RFC
 * 9110 §11.7.2).
 */
function proxyKeyOf(request: InboundRequest): string | undefined {
  const keyField = request.field('x-tokenward-key');
  if (typeof keyField === 'string' && keyField !== '') return keyField;
  return credentialsOf(request, 'proxy-authorization');
}

function credentialsOf(request: InboundRequest, name: string): string | undefined {
  const value = request.field(name);
  const [, scheme, rest] = (typeof value === 'string' ? value : '').match(/^(bearer|basic) +(\S+) *$/i) ?? [];
  if (scheme === undefined || rest === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return rest;
  // Basic: the password is the key, with any user name.
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon !== -1 && colon + 1 < pair.length ? pair.slice(colon + 1) : undefined;
}
