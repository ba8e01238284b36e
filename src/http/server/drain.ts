import type { Server, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import type { PlainFastPath } from './fast/engine.ts';

interface ServerParts {
  /** Callers' connections, with the bytes read before their first request: those of a TLS handshake. */
  readonly open: ReadonlyMap<Socket, number>;
  readonly fastPath: PlainFastPath | undefined;
}

/** What belongs to a server, and Node does not know of. */
export const serverParts = new WeakMap<NetServer, ServerParts>();

/** From now on every connection's next answer says `Connection: close`, so that callers leave by themselves. */
export function sendCallersAway(server: Server | TlsServer): void {
  server.maxRequestsPerSocket = 1;
  const fastPath = serverParts.get(server)?.fastPath;
  if (fastPath !== undefined) fastPath.sendingAway = true;
}

/** Takes it back: connections are kept again from their next answer on. */
export function keepCallers(server: Server | TlsServer): void {
  server.maxRequestsPerSocket = 0;
  const fastPath = serverParts.get(server)?.fastPath;
  if (fastPath !== undefined) fastPath.sendingAway = false;
}

/** How a server comes to its end. */
interface DrainOptions {
  /** How long a connection stands idle before it is closed. ms. */
  readonly patience?: number;
  /** How long callers are still kept on their connections once nothing new is accepted. ms. */
  readonly calm?: number;
}

/**
 * Stops accepting, lets running requests end for up to `milliseconds`, then cuts the rest. A connection that stands
 * idle is closed once it has been so for `patience` ms: closed at once, it would be cut under a caller who is just
 * sending the next request on it, and who could not know whether that was carried out.
 */
export async function drain(
  server: Server | TlsServer,
  milliseconds: number,
  { patience = 0, calm = 0 }: DrainOptions = {},
): Promise<void> {
  if (!server.listening) return;
  // The connections that wait are accepted first: those still waiting when the listener closes are reset.
  if (calm > 0) await new Promise(setImmediate);
  // Not the HTTP server's own `close`, which closes idle connections at once.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  const away = calm > 0 ? setTimeout(() => sendCallersAway(server), calm) : undefined;
  if (calm === 0) sendCallersAway(server);
  const { open, fastPath } = serverParts.get(server)!;
  const idle = new IdleConnections(open, fastPath);
  const closeIdle = (): void => {
    server.closeIdleConnections();
    fastPath?.closeIdle();
  };
  // Timers come before reading: what has come meanwhile is read before anything counts as idle.
  const sweep = setInterval(
    () => (patience === 0 ? closeIdle() : setImmediate(() => idle.close(patience))),
    SWEEP_EVERY,
  );
  if (patience === 0) closeIdle();
  else idle.close(patience);
  const cut = setTimeout(() => {
    server.closeAllConnections();
    fastPath?.closeAll();
  }, milliseconds);
  await closed;
  clearTimeout(away);
  clearInterval(sweep);
  clearTimeout(cut);
  // Stops what looks for slow requests every second.
  server.close();
}

/** How often idle connections are looked for at the end. ms. */
const SWEEP_EVERY = 50;

/** A caller's connection, with what node:http keeps on it: the answer under way, and the parser of its requests. */
type CallerSocket = Socket & {
  readonly _httpMessage?: ServerResponse | null;
  readonly parser?: { duration?(): number } | null;
};

/** Finds connections on which nothing has happened for a while; Node knows only which are idle at the moment. */
class IdleConnections {
  readonly #open: ReadonlyMap<CallerSocket, number>;
  readonly #fastPath: PlainFastPath | undefined;
  readonly #quiet = new WeakMap<Socket, { readonly since: number; readonly read: number }>();

  constructor(open: ReadonlyMap<Socket, number>, fastPath: PlainFastPath | undefined) {
    this.#open = open;
    this.#fastPath = fastPath;
  }

  close(after: number): void {
    const now = performance.now();
    for (const [socket, readAtFirst] of this.#open) {
      const quiet = this.#quiet.get(socket);
      if (quiet?.read !== socket.bytesRead || this.#isBusy(socket, readAtFirst))
        this.#quiet.set(socket, { since: now, read: socket.bytesRead });
      else if (now - quiet.since >= after) socket.destroy();
    }
  }

  /** Whether a request is being answered or has come in part. */
  #isBusy(socket: CallerSocket, readAtFirst: number): boolean {
    if (this.#fastPath?.isBusy(socket) === true || (socket._httpMessage !== undefined && socket._httpMessage !== null))
      return true;
    // The time since a request began; of a connection on which nothing has come yet, since it was made.
    return (socket.parser?.duration?.() ?? 0) > 0 && socket.bytesRead > readAtFirst;
  }
}
