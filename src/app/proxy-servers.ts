import type { Server } from 'node:http';
import type { ServerOptions as TlsOptions } from 'node:https';
import type { LoadedConfig } from '../config/load.ts';
import type { ErrorCode } from '../errors.ts';
import { createHttpServer } from '../http/server/server.ts';
import type { Tunnels } from '../http/server/tunnels.ts';
import { refuseRevoked } from '../http/tls.ts';
import type { Proxy } from '../proxy/context.ts';
import { createRequestPath } from '../proxy/handler.ts';
import type { SiteRules } from '../proxy/site-rules.ts';
import { siteRulesOf, siteRulesOfSocket } from './site-rules.ts';
import { createFront } from './front.ts';
import { reloadCertificates, type InboundTls } from './inbound-tls.ts';
import { upgradeHandler } from './upgrade-handler.ts';

/** The servers that clients connect to: one for the port and one for the socket, or one of them. */
export interface ProxyServers {
  readonly port: Server | undefined;
  readonly socket: Server | undefined;
  close(): void;
}

/** The servers in front of the proxy, not listening yet. */
export function createProxyServers(
  config: LoadedConfig,
  proxy: Omit<Proxy, 'siteRules'>,
  inboundTls: InboundTls | undefined,
  tunnels: Tunnels | undefined,
): ProxyServers {
  const { log, metrics } = proxy;
  const serverBehind = (siteRules: SiteRules, tls?: TlsOptions): Server => {
    const path = createRequestPath({ ...proxy, siteRules });
    const onRefused = (reason: ErrorCode): void => metrics.errors.inc({ route: 'unmatched', reason });
    const { headerBytes } = config.limits;
    const upgrades = upgradeHandler(config, path);
    const fastEngine = config.listen.engine === 'fast' ? path.handle : undefined;
    return createHttpServer(
      createFront(proxy.routes, path, log),
      { headerBytes, onRefused, fastEngine, tunnels, upgrades },
      tls,
    );
  };
  const port = config.listen.port === undefined ? undefined : serverBehind(siteRulesOf(config), inboundTls?.options);
  const socket = config.listen.socket === undefined ? undefined : serverBehind(siteRulesOfSocket(config));
  if (inboundTls?.files.crlFile !== undefined && port) refuseRevoked(port);
  const stopReloading = inboundTls && port && reloadCertificates(port, inboundTls, log);
  return {
    port,
    socket,
    close() {
      port?.close();
      socket?.close();
      tunnels?.inner.close();
      stopReloading?.();
    },
  };
}
