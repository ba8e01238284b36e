import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHandler } from '../exchange.ts';
import { PlainConnection, type FastPath } from './connection.ts';
import { encodeRawTargets } from '../raw-targets.ts';
import { readEarlierInSlices } from '../sliced-reading.ts';

/** How often connections are looked at that may have stood still for too long. ms. */
const LOOK_EVERY = 1_000;
/** A body that has begun is waited for so many looks. */
const BODY_LOOKS = 2;
/** One that has been refused has so long to close its side. ms. */
const LINGER = 5_000;
/** A connection is new for so many looks. */
const FRESH_LOOKS = 2;

/**
 * The fast path beside a node:http server: takes its connections first and answers plain requests, at two thirds of the
 * cost, for as long as no others come (bench/README.md). Everything else about HTTP stays with node:http: whatever is
 * not plain goes over to it with all its bytes, of which raw ones in targets are encoded.
 */
export class PlainFastPath implements FastPath {
  readonly handler: RequestHandler;
  readonly headMost: number;
  readonly stayFields: string;
  sendingAway = false;
  readonly #server: Server;
  readonly #toNode: ((socket: Socket) => void)[];
  readonly #connections = new Map<Socket, PlainConnection>();
  #timer: NodeJS.Timeout | undefined;

  /** Takes over the `connection` event of a server that has no other listeners for it yet. `headMost`: bytes. */
  constructor(server: Server, handler: RequestHandler, headMost: number) {
    this.#server = server;
    this.handler = handler;
    this.headMost = headMost;
    this.stayFields = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(server.keepAliveTimeout / 1000)}\r\n`;
    this.#toNode = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.#connections.set(socket, new PlainConnection(socket, this));
      this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY).unref();
    });
  }

  handOver({ socket }: PlainConnection, bytes: Buffer, ended: boolean): void {
    this.#connections.delete(socket);
    for (const listener of this.#toNode) listener.call(this.#server, socket);
    encodeRawTargets(socket);
    readEarlierInSlices(socket, bytes, ended);
  }

  closed({ socket }: PlainConnection): void {
    this.#connections.delete(socket);
  }

  /**
   * Whether it is on the fast path, and a request on it is being answered, has come in part or is about to be handed
   * over.
   */
  isBusy(socket: Socket): boolean {
    const connection = this.#connections.get(socket);
    return connection !== undefined && (connection.answering || connection.waiting || connection.leaving);
  }

  /** Sends an interim response, if it is on the fast path and its response has not begun. False: otherwise. */
  sendInterim(socket: Socket): boolean {
    return this.#connections.get(socket)?.sendInterim() === true;
  }

  /** Those on which nothing is under way. */
  closeIdle(): void {
    for (const [socket, { answering, waiting, leaving, used, looks }] of this.#connections) {
      // A connection just made has its first request on the way.
      const fresh = !used && looks < FRESH_LOOKS;
      if (!answering && !waiting && !leaving && !fresh) socket.destroy();
    }
  }

  closeAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #look(): void {
    for (const [socket, connection] of this.#connections) {
      if (connection.answering || connection.leaving) continue;
      connection.looks += 1;
      const still = connection.looks * LOOK_EVERY;
      if (connection.waiting) {
        if (connection.looks >= BODY_LOOKS) connection.giveUp();
      } else if (connection.used) {
        if (still > this.#server.keepAliveTimeout) socket.destroy();
      } else if (still > this.#server.headersTimeout + LINGER) {
        socket.destroy();
      } else if (still > this.#server.headersTimeout) {
        connection.refuse();
        this.#server.emit(
          'clientError',
          Object.assign(new Error('no request came'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
          socket,
        );
      }
    }
    if (this.#connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
