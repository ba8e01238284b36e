import type { Server } from 'node:http';
import type { ServerOptions as TlsOptions } from 'node:https';
import type { LoadedConfig } from '../config/load.ts';
import type { Listener } from '../config/schema/listen.ts';
import { createHttpServer } from '../http/server/server.ts';
import { refuseRevoked } from '../http/tls.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Proxy } from '../proxy/context.ts';
import type { SiteRules } from '../proxy/site-rules.ts';
import { siteRulesOf, siteRulesOfSocket } from './site-rules.ts';
import { refusalObserver } from './refusal-observer.ts';
import type { ForwardProxies } from './forward.ts';
import { Front } from './front.ts';
import type { CertificatesOnDemand, InboundTls } from './inbound-tls.ts';

/** The servers of a listener: one for the port and one for the socket, or one of them. */
interface ListenerServers {
  readonly listen: Listener;
  readonly port: Server | undefined;
  readonly socket: Server | undefined;
}

/** The servers that clients connect to, by listener. */
export interface ProxyServers {
  readonly listeners: readonly ListenerServers[];
  /** From now on requests are served so. Those in flight end as they began. */
  serve(config: LoadedConfig, proxy: Omit<Proxy, 'siteRules'>, via: (origin: string) => string): void;
  close(): void;
}

/** What the servers have in common. */
interface ServerParts {
  readonly metrics: Metrics;
  readonly log: Logger;
  /** By listener. */
  readonly inboundTls: readonly (InboundTls | undefined)[];
  readonly forward: ForwardProxies;
  /** For tls.authority. */
  readonly onDemand: CertificatesOnDemand | undefined;
}

/** The servers in front of the proxy, not listening yet. `serve` comes before their first request. */
export function createProxyServers(
  config: LoadedConfig,
  { metrics, log, inboundTls, forward, onDemand }: ServerParts,
): ProxyServers {
  const fronts: { readonly front: Front; readonly rulesIn: (config: LoadedConfig) => SiteRules }[] = [];
  const serverBehind = (index: number, rulesOf: typeof siteRulesOf, tls?: TlsOptions): Server => {
    const front = new Front(log);
    fronts.push({ front, rulesIn: (current) => rulesOf(current.listeners[index]!, current) });
    const onRefused = refusalObserver(metrics, () => front.access);
    const { headerBytes } = config.limits;
    const fastEngine = config.listeners[index]!.engine === 'fast' ? front.handle : undefined;
    const tunnels = forward.of.get(index);
    return createHttpServer(front.app, { headerBytes, onRefused, fastEngine, tunnels, upgrades: front.upgrades }, tls);
  };
  const closing: (() => void)[] = [];
  const listeners = config.listeners.map((listen, index): ListenerServers => {
    const tls = inboundTls[index];
    const options = onDemand && listen.tls?.authority === true ? tls?.optionsWith(onDemand, log) : tls?.options;
    const port = listen.port === undefined ? undefined : serverBehind(index, siteRulesOf, options);
    const socket = listen.socket === undefined ? undefined : serverBehind(index, siteRulesOfSocket);
    if (tls?.revokes === true && port) refuseRevoked(port);
    if (tls && port) closing.push(tls.watch(port, log));
    return { listen, port, socket };
  });
  return {
    listeners,
    serve(current, proxy, via) {
      for (const { front, rulesIn } of fronts) front.serve({ ...proxy, siteRules: rulesIn(current) });
      forward.serve(current, proxy, via);
    },
    close() {
      for (const { port, socket } of listeners) {
        port?.close();
        socket?.close();
      }
      for (const { inner } of forward.of.values()) inner.close();
      for (const close of closing) close();
    },
  };
}
