import type { Server, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import type { FastEngine } from './fast/engine.ts';
import type { Tunnels } from './tunnels.ts';

interface ServerParts {
  /** Client connections, with the bytes read before the first request: those of a TLS handshake. */
  readonly open: Map<Socket, number>;
  readonly fastEngine: FastEngine | undefined;
  readonly tunnels: Tunnels | undefined;
}

/** What we keep per server, in addition to what Node does. */
export const serverParts = new WeakMap<NetServer, ServerParts>();

/** From now on every response says `Connection: close`, so that clients close their connections. */
export function startDraining(server: Server | TlsServer): void {
  setDraining(server, true);
}

/** Reverts `startDraining`: responses keep connections open again. */
export function stopDraining(server: Server | TlsServer): void {
  setDraining(server, false);
}

function setDraining(server: Server | TlsServer, draining: boolean): void {
  server.maxRequestsPerSocket = draining ? 1 : 0;
  const { fastEngine, tunnels } = serverParts.get(server) ?? {};
  if (fastEngine !== undefined) fastEngine.draining = draining;
  if (tunnels !== undefined) setDraining(tunnels.inner, draining);
}

/** How a server stops. */
interface DrainOptions {
  /** How long a connection must be idle before it is closed. ms. */
  readonly idleMs?: number;
  /** How long responses still keep connections open after the listener has closed. ms. */
  readonly keepAliveMs?: number;
}

/**
 * Stops accepting, lets requests in flight end for up to `graceMs`, then cuts the rest. A connection is closed after
 * `idleMs` without activity, not at once: a client may just be sending its next request on it, and could not know
 * whether that took effect.
 */
export async function drain(
  server: Server | TlsServer,
  graceMs: number,
  { idleMs = 0, keepAliveMs = 0 }: DrainOptions = {},
): Promise<void> {
  if (!server.listening) return;
  // Accepts the connections in the backlog first: those left there when the listener closes are reset.
  if (keepAliveMs > 0) await new Promise(setImmediate);
  // Not the HTTP server's `close`, which closes idle connections at once.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  const drainTimer = keepAliveMs > 0 ? setTimeout(() => startDraining(server), keepAliveMs) : undefined;
  if (keepAliveMs === 0) startDraining(server);
  const { open, fastEngine, tunnels } = serverParts.get(server)!;
  const idle = new IdleConnections(open, fastEngine);
  const inner = tunnels && serverParts.get(tunnels.inner)!;
  const inTunnels = inner && new IdleConnections(inner.open, inner.fastEngine);
  const closeIdle = (): void => {
    server.closeIdleConnections();
    fastEngine?.closeIdle();
    tunnels?.inner.closeIdleConnections();
    inner?.fastEngine?.closeIdle();
  };
  const closeQuiet = (): void => {
    idle.close(idleMs);
    inTunnels?.close(idleMs);
  };
  // Timers run before reads: what has arrived is read before a connection counts as idle.
  const sweepTimer = setInterval(() => (idleMs === 0 ? closeIdle() : setImmediate(closeQuiet)), SWEEP_INTERVAL_MS);
  if (idleMs === 0) closeIdle();
  else closeQuiet();
  const cutTimer = setTimeout(() => {
    server.closeAllConnections();
    fastEngine?.closeAll();
    for (const socket of tunnels?.open ?? []) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(drainTimer);
  clearInterval(sweepTimer);
  clearTimeout(cutTimer);
  // Stops Node's check for slow requests, which runs every second.
  server.close();
}

/** How often idle connections are checked during the drain. ms. */
const SWEEP_INTERVAL_MS = 50;

/** A client connection, with what node:http stores on it: the current response and the request parser. */
type ClientSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null;
  readonly parser?: { duration?(): number } | null;
};

/** Finds connections without recent activity; Node knows only which are idle at this moment. */
class IdleConnections {
  readonly #open: ReadonlyMap<ClientSocket, number>;
  readonly #fastEngine: FastEngine | undefined;
  readonly #quiet = new WeakMap<Socket, { readonly since: number; readonly read: number }>();

  constructor(open: ReadonlyMap<Socket, number>, fastEngine: FastEngine | undefined) {
    this.#open = open;
    this.#fastEngine = fastEngine;
  }

  close(afterMs: number): void {
    const now = performance.now();
    for (const [socket, readAtFirst] of this.#open) {
      const quiet = this.#quiet.get(socket);
      if (quiet?.read !== socket.bytesRead || this.#isBusy(socket, readAtFirst))
        this.#quiet.set(socket, { since: now, read: socket.bytesRead });
      else if (now - quiet.since >= afterMs) socket.destroy();
    }
  }

  /** Whether a request is in flight or has arrived in part. */
  #isBusy(socket: ClientSocket, readAtFirst: number): boolean {
    if (
      this.#fastEngine?.isBusy(socket) === true ||
      (socket._httpMessage !== undefined && socket._httpMessage !== null)
    )
      return true;
    // Time since the request began; on a new connection, since the connection was made.
    return (socket.parser?.duration?.() ?? 0) > 0 && socket.bytesRead > readAtFirst;
  }
}
