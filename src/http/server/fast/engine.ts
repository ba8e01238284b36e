import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHandler } from '../exchange.ts';
import { FastConnection, type ConnectionHost } from './connection.ts';
import { encodeRawTargets } from '../raw-targets.ts';
import { feedInSlices } from '../sliced-reading.ts';

/** How often connections are checked for inactivity. ms. */
const TICK_MS = 1_000;
/** How long the rest of a body is awaited. Ticks. */
const MAX_BODY_TICKS = 2;
/** How long a client may take to close after a refusal. ms. */
const LINGER_MS = 5_000;
/** How long a connection counts as new. Ticks. */
const NEW_TICKS = 2;

/**
 * The fast engine beside a node:http server. It takes the connections first and serves ordinary requests at two thirds
 * of the cost (bench/README.md). Anything else is left to node:http, which gets the connection with all its bytes; raw
 * bytes in request targets are encoded.
 */
export class FastEngine implements ConnectionHost {
  readonly handler: RequestHandler;
  readonly maxHeadBytes: number;
  readonly keepAliveFields: string;
  draining = false;
  readonly #server: Server;
  readonly #nodeListeners: ((socket: Socket) => void)[];
  readonly #connections = new Map<Socket, FastConnection>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * Takes over the server's event for a new connection, which must have no listeners but Node's: `secureConnection`
   * with TLS, else `connection`. `maxHeadBytes`: limit on a header section.
   */
  constructor(server: Server, event: 'connection' | 'secureConnection', handler: RequestHandler, maxHeadBytes: number) {
    this.#server = server;
    this.handler = handler;
    this.maxHeadBytes = maxHeadBytes;
    const seconds = Math.floor(server.keepAliveTimeout / 1000);
    this.keepAliveFields = `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n`;
    this.#nodeListeners = server.listeners(event) as ((socket: Socket) => void)[];
    server.removeAllListeners(event);
    server.on(event, (socket: Socket) => {
      this.#connections.set(socket, new FastConnection(socket, this));
      this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    });
  }

  fallBack({ socket }: FastConnection, bytes: Buffer, ended: boolean): void {
    this.#connections.delete(socket);
    for (const listener of this.#nodeListeners) listener.call(this.#server, socket);
    encodeRawTargets(socket);
    feedInSlices(socket, bytes, ended);
  }

  closed({ socket }: FastConnection): void {
    this.#connections.delete(socket);
  }

  /** Whether the fast engine has the connection, and a request on it is in flight, incomplete or being handed over. */
  isBusy(socket: Socket): boolean {
    const connection = this.#connections.get(socket);
    return connection !== undefined && (connection.responding || connection.awaitingBody || connection.fallingBack);
  }

  /** Sends 100 Continue, if the fast engine has the connection and its response has not begun. False: otherwise. */
  sendInterim(socket: Socket): boolean {
    return this.#connections.get(socket)?.sendInterim() === true;
  }

  /** Closes connections without a request. */
  closeIdle(): void {
    for (const [socket, { responding, awaitingBody, fallingBack, used, idleTicks }] of this.#connections) {
      // The first request of a new connection is probably on its way.
      const isNew = !used && idleTicks < NEW_TICKS;
      if (!responding && !awaitingBody && !fallingBack && !isNew) socket.destroy();
    }
  }

  closeAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #tick(): void {
    for (const [socket, connection] of this.#connections) {
      if (connection.responding || connection.fallingBack) continue;
      connection.idleTicks += 1;
      const idleMs = connection.idleTicks * TICK_MS;
      if (connection.awaitingBody) {
        if (connection.idleTicks >= MAX_BODY_TICKS) connection.handOver();
      } else if (connection.used) {
        if (idleMs > this.#server.keepAliveTimeout) socket.destroy();
      } else if (idleMs > this.#server.headersTimeout + LINGER_MS) {
        socket.destroy();
      } else if (idleMs > this.#server.headersTimeout) {
        connection.ignoreInput();
        this.#server.emit(
          'clientError',
          Object.assign(new Error('no request arrived'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
          socket,
        );
      }
    }
    if (this.#connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
