import type { Server, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import type { FastEngine } from './fast/engine.ts';

interface ServerParts {
  /** Callers' connections, with the bytes read before their first request: those of a TLS handshake. */
  readonly open: ReadonlyMap<Socket, number>;
  readonly fastEngine: FastEngine | undefined;
}

/** What belongs to a server, and Node does not know of. */
export const serverParts = new WeakMap<NetServer, ServerParts>();

/** From now on every connection's next answer says `Connection: close`, so that callers leave by themselves. */
export function startDraining(server: Server | TlsServer): void {
  server.maxRequestsPerSocket = 1;
  const fastEngine = serverParts.get(server)?.fastEngine;
  if (fastEngine !== undefined) fastEngine.draining = true;
}

/** Takes it back: connections are kept again from their next answer on. */
export function stopDraining(server: Server | TlsServer): void {
  server.maxRequestsPerSocket = 0;
  const fastEngine = serverParts.get(server)?.fastEngine;
  if (fastEngine !== undefined) fastEngine.draining = false;
}

/** How a server comes to its end. */
interface DrainOptions {
  /** How long a connection stands idle before it is closed. ms. */
  readonly idleMs?: number;
  /** How long callers are still kept on their connections once nothing new is accepted. ms. */
  readonly keepAliveMs?: number;
}

/**
 * Stops accepting, lets running requests end for up to `milliseconds`, then cuts the rest. A connection that stands
 * idle is closed once it has been so for `patience` ms: closed at once, it would be cut under a caller who is just
 * sending the next request on it, and who could not know whether that was carried out.
 */
export async function drain(
  server: Server | TlsServer,
  graceMs: number,
  { idleMs = 0, keepAliveMs = 0 }: DrainOptions = {},
): Promise<void> {
  if (!server.listening) return;
  // The connections that wait are accepted first: those still waiting when the listener closes are reset.
  if (keepAliveMs > 0) await new Promise(setImmediate);
  // Not the HTTP server's own `close`, which closes idle connections at once.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  const drainTimer = keepAliveMs > 0 ? setTimeout(() => startDraining(server), keepAliveMs) : undefined;
  if (keepAliveMs === 0) startDraining(server);
  const { open, fastEngine } = serverParts.get(server)!;
  const idle = new IdleConnections(open, fastEngine);
  const closeIdle = (): void => {
    server.closeIdleConnections();
    fastEngine?.closeIdle();
  };
  // Timers come before reading: what has come meanwhile is read before anything counts as idle.
  const sweepTimer = setInterval(
    () => (idleMs === 0 ? closeIdle() : setImmediate(() => idle.close(idleMs))),
    SWEEP_INTERVAL_MS,
  );
  if (idleMs === 0) closeIdle();
  else idle.close(idleMs);
  const cutTimer = setTimeout(() => {
    server.closeAllConnections();
    fastEngine?.closeAll();
  }, graceMs);
  await closed;
  clearTimeout(drainTimer);
  clearInterval(sweepTimer);
  clearTimeout(cutTimer);
  // Stops what looks for slow requests every second.
  server.close();
}

/** How often idle connections are looked for at the end. ms. */
const SWEEP_INTERVAL_MS = 50;

/** A caller's connection, with what node:http keeps on it: the answer under way, and the parser of its requests. */
type ClientSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null;
  readonly parser?: { duration?(): number } | null;
};

/** Finds connections on which nothing has happened for a while; Node knows only which are idle at the moment. */
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

  /** Whether a request is being answered or has come in part. */
  #isBusy(socket: ClientSocket, readAtFirst: number): boolean {
    if (
      this.#fastEngine?.isBusy(socket) === true ||
      (socket._httpMessage !== undefined && socket._httpMessage !== null)
    )
      return true;
    // The time since a request began; of a connection on which nothing has come yet, since it was made.
    return (socket.parser?.duration?.() ?? 0) > 0 && socket.bytesRead > readAtFirst;
  }
}
