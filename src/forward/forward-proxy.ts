import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { AuthorityError } from '../authority/authority-error.ts';
import type { Authority } from '../authority/authority.ts';
import { TokenwardError } from '../errors.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import { hostnameOf, type SiteGuard } from '../http/server/site-guard.ts';
import type { Tunnel, Tunnels } from '../http/server/tunnels.ts';
import type { Callers } from '../proxy/caller.ts';
import { setTunnelOrigin } from '../proxy/tunnel-origin.ts';
import { checkFields, checkVersion } from '../proxy/validate.ts';
import { authorityForm, type ConnectTarget } from './authority-form.ts';
import { dialForTunnel, join } from './blind-tunnel.ts';
import type { TunnelPlaces } from './tunnel-places.ts';
import { terminateTls, type HandshakeFailure } from './terminate.ts';
import { whileConnected } from './while-dialling.ts';

/** What became of a CONNECT. */
export type TunnelEvent = 'terminated' | 'tunnelled' | 'refused' | HandshakeFailure;

export interface ForwardOptions {
  /** The authority that signs for the hosts now. */
  readonly authority: () => Authority;
  /** Serves requests of terminated tunnels. */
  readonly inner: Server;
  /** Of this process's unread tunnels, whichever of its forward proxies they come through. */
  readonly places: TunnelPlaces;
  /** `host`: the target's. */
  readonly on: (event: TunnelEvent, host: string) => void;
}

/** Whom a forward proxy serves, and with what, under one configuration. */
export interface TunnelRules {
  /** Hosts of routes, in lower case: tunnels to them end here. */
  readonly hosts: ReadonlySet<string>;
  /** Other targets to which a tunnel may lead. */
  readonly isAllowed: (target: ConnectTarget) => boolean;
  readonly callers: Callers | undefined;
  /** A field that every CONNECT must have, in lower case. */
  readonly header: string | undefined;
  readonly viaName: string;
  /** Names of this listener. */
  readonly own: SiteGuard;
  /** The corporate proxy for an origin, or an empty text. */
  readonly via: (origin: string) => string;
  /** A tunnel was refused because neither a route nor the allow-list names the target. */
  readonly onUnknownHost: (target: ConnectTarget, caller: string | undefined) => void;
}

/**
 * A forward proxy. The tunnel to a route's host ends here, and the requests within go the way of every request; other
 * hosts are refused, or get a tunnel whose content nobody here reads.
 */
export class ForwardProxy implements Tunnels {
  readonly inner: Server;
  readonly open = new Set<Socket>();
  readonly #options: ForwardOptions;
  #rules!: TunnelRules;

  constructor(options: ForwardOptions) {
    this.#options = options;
    this.inner = options.inner;
  }

  /** From now on tunnels are granted so; before the first CONNECT. Open ones stay. */
  serve(rules: TunnelRules): void {
    this.#rules = rules;
  }

  /** The steps of a CONNECT. Beside each: the statuses that it may respond with. */
  async accept(request: InboundRequest): Promise<Tunnel> {
    let host = '';
    try {
      const target = this.#validate(request); // 400 403 431 508
      host = target.host;
      const caller = await this.#rules.callers?.identifyConnect(request); // 403 407 429 503
      if (this.#isRoute(target)) return await this.#terminate(request, target); // 503
      if (this.#rules.isAllowed(target)) return await this.#tunnel(request, target, caller?.name); // 403 502 503 504
      this.#rules.onUnknownHost(target, caller?.name);
      throw unknownHost(target); // 403
    } catch (error) {
      this.#options.on('refused', host);
      throw error;
    }
  }

  #validate(request: InboundRequest): ConnectTarget {
    const { viaName, header } = this.#rules;
    checkVersion(request.httpVersion);
    checkFields(request.rawHeaders, request.httpVersion, viaName, undefined);
    const length = request.field('content-length');
    if (request.field('transfer-encoding') !== undefined || (length !== undefined && length !== '0'))
      throw new TokenwardError('request_malformed', { detail: 'CONNECT has no body' });
    if (header !== undefined && (request.field(header) ?? '') === '')
      throw new TokenwardError('required_header_missing', { detail: `listen.requireHeader requires ${header}` });
    const target = authorityForm(request.url ?? '');
    // HTTP/1.0 has no Host, some clients leave out the port, and node:http's own names the proxy.
    const host = request.field('host');
    if (typeof host === 'string' && !isHostOf(host, target) && !this.#rules.own.knowsHost(host)) {
      const detail = "the Host is neither the CONNECT's nor a name of this listener (an address or listen.hosts)";
      throw new TokenwardError('request_malformed', { detail });
    }
    return target;
  }

  /** Some clients open a tunnel for plain http, too. */
  #isRoute({ host, port }: ConnectTarget): boolean {
    return (port === 443 || port === 80) && this.#rules.hosts.has(host);
  }

  async #terminate(request: InboundRequest, { host, port }: ConnectTarget): Promise<Tunnel> {
    const { inner, on } = this.#options;
    const serve = (socket: Socket): void => {
      on('terminated', host);
      setTunnelOrigin(socket, { host, connect: request });
      inner.emit('connection', socket);
    };
    if (port === 80) return { begin: serve };
    const keyed = await this.#certificate(host);
    return {
      begin: (socket) => terminateTls(socket, host, keyed, { secure: serve, failed: (why) => on(why, host) }),
    };
  }

  async #certificate(host: string): Promise<{ readonly cert: string; readonly key: string }> {
    try {
      return await this.#options.authority().certificateFor(host);
    } catch (error) {
      if (!(error instanceof AuthorityError)) throw error;
      throw new TokenwardError('authority_unusable', { detail: error.message });
    }
  }

  async #tunnel(request: InboundRequest, target: ConnectTarget, caller: string | undefined): Promise<Tunnel> {
    const leave = this.#options.places.take(caller);
    let upstream: Socket;
    try {
      upstream = await whileConnected(request.socket, (signal) => dialForTunnel(target, this.#rules.via, signal));
    } catch (error) {
      leave();
      throw error;
    }
    upstream.once('close', leave);
    // The client may leave before the tunnel is joined.
    upstream.on('error', () => upstream.destroy());
    return {
      begin: (socket) => {
        this.#options.on('tunnelled', target.host);
        join(socket, upstream);
      },
      abandon: () => upstream.destroy(),
    };
  }
}

function isHostOf(field: string, { host, port }: ConnectTarget): boolean {
  const written = /:(\d+)$/.exec(field.replace(/^\[.*\]/, ''))?.[1];
  return hostnameOf(field) === host && (written === undefined || Number(written) === port);
}

function unknownHost({ host, port }: ConnectTarget): TokenwardError {
  const entry = port === 443 ? host : `${host}:${port}`;
  return new TokenwardError('forward_refused', {
    detail: `no route has host: ${host}, and listen.forward.tunnel does not name ${entry}`,
  });
}
