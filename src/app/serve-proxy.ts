import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { drain, stopDraining, startDraining } from '../http/server/drain.ts';
import { listen } from '../http/server/listen.ts';
import { listenOnBoundSocket, listenOnSocket } from '../http/server/socket-file.ts';
import type { Metrics } from '../metrics.ts';
import type { LocalView } from '../operator/local-view.ts';
import type { TokenManager } from '../tokens/manager.ts';
import { CLOSE_MS } from '../http/upgraded-pair.ts';
import { GOING_AWAY, SERVICE_RESTART, type Upgrades } from '../proxy/upgrades.ts';
import type { Listener } from '../config/schema/listen.ts';
import type { Parts, PrepareReload } from './build.ts';
import { InheritedSockets } from './inherited-sockets.ts';
import type { ProxyAddress } from './proxy-address.ts';

/** The part of tokenward that serves clients: all but the operator port. */
export interface Worker {
  /** By listener. */
  readonly proxyAddresses: readonly ProxyAddress[];
  readonly tokens: TokenManager;
  readonly metrics: Metrics;
  readonly view: LocalView;
  readonly prepare: PrepareReload;
  /** Not ready → delay → stop accepting → let requests and renewals end → close the store. */
  stop(options?: StopOptions): Promise<void>;
}

interface StopOptions {
  /** Another worker takes over: no load balancer needs to notice, and clients get time to move to it. */
  readonly replaced?: boolean;
  /** How long clients' idle connections stay open, ms. For tests only, whose connections have no client. */
  readonly idleMs?: number;
}

/**
 * How long a client's idle connection stays open for one more request: when another worker takes over, and when the
 * process ends. ms.
 */
const REPLACED_IDLE_MS = 5_000;
const FINAL_IDLE_MS = 500;
/**
 * How long before and after the listener closes responses do not close their connections: a client would open a new one
 * just then, which would be reset. ms.
 */
const KEEP_ALIVE_MS = 300;

/** Closes upgraded connections after `afterMs`, cuts what is left after `cutMs`. Returns a function that stops this. */
function closeUpgrades(upgrades: Upgrades, code: number, afterMs: number, cutMs: number): () => void {
  const closing = setTimeout(() => upgrades.close(code), afterMs);
  const cutting = setTimeout(() => upgrades.destroy(), cutMs);
  if (afterMs === 0) upgrades.close(code);
  return () => {
    clearTimeout(closing);
    clearTimeout(cutting);
  };
}

function listenAtPath(
  server: Server,
  { socket: path, socketMode }: Listener,
  sockets: InheritedSockets,
): Promise<string> {
  const fd = sockets.pathOf(path!, socketMode, 'proxy');
  if (fd !== undefined) return listenOnBoundSocket(server, fd, path!, 'proxy');
  return listenOnSocket(server, path!, socketMode, 'proxy');
}

/** Listens for clients. Rejects with a ListenError, and leaves `parts` open. */
export async function serveProxy(parts: Parts, sockets = new InheritedSockets([])): Promise<Worker> {
  const { servers, upgrades, tokens, metrics, view, lifecycle } = parts;
  const proxyAddresses: ProxyAddress[] = [];
  // In their order: workers share any free port (0) by it.
  for (const { listen: at, port, socket } of servers.listeners)
    proxyAddresses.push({
      ...(port && (await listen(port, at.host, at.port!, 'proxy', sockets.portOf(at.host, at.port!, 'proxy')))),
      ...(port && at.tls && { tls: true as const }),
      ...(socket && { socket: await listenAtPath(socket, at, sockets) }),
    });
  const all = servers.listeners.flatMap(({ port, socket }) => [port, socket]).filter((server) => server !== undefined);
  return {
    proxyAddresses,
    tokens,
    metrics,
    view,
    prepare: parts.prepare,
    async stop({ replaced = false, idleMs = replaced ? REPLACED_IDLE_MS : FINAL_IDLE_MS } = {}) {
      lifecycle.stopping = true;
      const { delay, drain: drainMs } = parts.config().shutdown;
      if (replaced) {
        upgrades.stopAccepting();
        const stopClosing = closeUpgrades(upgrades, SERVICE_RESTART, Math.max(0, drainMs - CLOSE_MS), drainMs);
        await Promise.all(all.map((server) => drain(server, drainMs, { idleMs })));
        await upgrades.ended();
        stopClosing();
      } else {
        // Clients move to another process behind the load balancer, while this one still serves the others.
        if (delay > KEEP_ALIVE_MS) {
          all.forEach(startDraining);
          await sleep(delay - KEEP_ALIVE_MS);
          all.forEach(stopDraining);
        }
        if (delay > 0) await sleep(Math.min(delay, KEEP_ALIVE_MS));
        const stopClosing = closeUpgrades(upgrades, GOING_AWAY, 0, drainMs);
        await Promise.all(
          all.map((server) => drain(server, drainMs, { idleMs, keepAliveMs: idleMs === 0 ? 0 : KEEP_ALIVE_MS })),
        );
        await upgrades.ended();
        stopClosing();
      }
      await parts.close();
    },
  };
}
