import type { Server } from 'node:http';
import type { ServerOptions as TlsOptions } from 'node:https';
import type { LoadedConfig } from '../config/load.ts';
import type { ErrorCode } from '../errors.ts';
import { createHttpServer } from '../http/server/server.ts';
import { refuseRevoked } from '../http/tls.ts';
import { createHandler, type Proxy } from '../proxy/handler.ts';
import { Outages } from '../proxy/outages.ts';
import type { Door } from '../proxy/site-rules.ts';
import { systemClock } from '../tokens/clock.ts';
import { doorOf, socketDoorOf } from './doors.ts';
import { proxyApp } from './front.ts';
import { reloadCertificates, type InboundTls } from './inbound-tls.ts';

/** What callers connect to: a server for the port and one for the socket, or one of them. */
export interface CallersServers {
  readonly port: Server | undefined;
  readonly socket: Server | undefined;
  close(): void;
}

/** The servers in front of the proxy, not listening yet. */
export function callersServers(
  config: LoadedConfig, proxy: Omit<Proxy, 'door'>, inboundTls: InboundTls | undefined,
): CallersServers {
  const { log, metrics } = proxy;
  // One for both: an upstream that cannot be reached is told once.
  const outages = new Outages(systemClock, log);
  const serverBehind = (door: Door, tls?: TlsOptions): Server => {
    const handler = createHandler({ ...proxy, door }, outages);
    const onRefused = (reason: ErrorCode): void => metrics.errors.inc({ route: 'unmatched', reason });
    const { headerBytes } = config.limits;
    return createHttpServer(proxyApp(handler, log), { headerBytes, fastPath: handler, onRefused }, tls);
  };
  const port = config.listen.port === undefined ? undefined : serverBehind(doorOf(config), inboundTls?.options);
  const socket = config.listen.socket === undefined ? undefined : serverBehind(socketDoorOf(config));
  if (inboundTls?.files.crlFile !== undefined && port) refuseRevoked(port);
  const stopReloading = inboundTls && port && reloadCertificates(port, inboundTls.files, log);
  return {
    port, socket,
    close() {
      port?.close();
      socket?.close();
      stopReloading?.();
    },
  };
}
