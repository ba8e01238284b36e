import type { Server } from 'node:http';
import type { ServerOptions as TlsOptions } from 'node:https';
import type { LoadedConfig } from '../config/load.ts';
import type { Listener } from '../config/schema/listen.ts';
import { createHttpServer } from '../http/server/server.ts';
import { refuseRevoked } from '../http/tls.ts';
import type { Proxy } from '../proxy/context.ts';
import { createRequestPath } from '../proxy/handler.ts';
import type { SiteRules } from '../proxy/site-rules.ts';
import { siteRulesOf, siteRulesOfSocket } from './site-rules.ts';
import { refusalObserver } from './refusal-observer.ts';
import type { ForwardProxies } from './forward.ts';
import { createFront } from './front.ts';
import type { CertificatesOnDemand, InboundTls } from './inbound-tls.ts';
import { upgradeHandler } from './upgrade-handler.ts';

/** The servers of a listener: one for the port and one for the socket, or one of them. */
interface ListenerServers {
  readonly listen: Listener;
  readonly port: Server | undefined;
  readonly socket: Server | undefined;
}

/** The servers that clients connect to, by listener. */
export interface ProxyServers {
  readonly listeners: readonly ListenerServers[];
  close(): void;
}

/** The servers in front of the proxy, not listening yet. `inboundTls`: by listener. `onDemand`: for tls.authority. */
export function createProxyServers(
  config: LoadedConfig,
  proxy: Omit<Proxy, 'siteRules'>,
  inboundTls: readonly (InboundTls | undefined)[],
  forward: ForwardProxies,
  onDemand: CertificatesOnDemand | undefined,
): ProxyServers {
  const { log } = proxy;
  const serverBehind = (listen: Listener, siteRules: SiteRules, tls?: TlsOptions): Server => {
    const path = createRequestPath({ ...proxy, siteRules });
    const onRefused = refusalObserver(proxy);
    const { headerBytes } = config.limits;
    const upgrades = upgradeHandler(config, path);
    const fastEngine = listen.engine === 'fast' ? path.handle : undefined;
    const tunnels = forward.of.get(listen);
    return createHttpServer(
      createFront(proxy.routes, path, log),
      { headerBytes, onRefused, fastEngine, tunnels, upgrades },
      tls,
    );
  };
  const closing: (() => void)[] = [];
  const listeners = config.listeners.map((listen, index): ListenerServers => {
    const tls = inboundTls[index];
    const options = onDemand && listen.tls?.authority === true ? tls?.optionsWith(onDemand, log) : tls?.options;
    const port = listen.port === undefined ? undefined : serverBehind(listen, siteRulesOf(listen, config), options);
    const socket = listen.socket === undefined ? undefined : serverBehind(listen, siteRulesOfSocket(listen, config));
    if (tls?.revokes === true && port) refuseRevoked(port);
    if (tls && port) closing.push(tls.watch(port, log));
    return { listen, port, socket };
  });
  return {
    listeners,
    close() {
      for (const { listen, port, socket } of listeners) {
        port?.close();
        socket?.close();
        forward.of.get(listen)?.inner.close();
      }
      for (const close of closing) close();
    },
  };
}
