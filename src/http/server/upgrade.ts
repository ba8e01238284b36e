import type { IncomingMessage, Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { hasBody } from '../framing.ts';
import type { DetachedConnection } from '../upgraded-pair.ts';
import { serverParts } from './drain.ts';
import type { InboundRequest, RequestHandler } from './exchange.ts';
import { FastResponse, type ResponseChannel } from './fast/response.ts';
import { newestResponse } from './one-at-a-time.ts';

/** What answers requests for another protocol. */
export interface UpgradeHandler {
  /** Whether any route allows this protocol. Other requests are ordinary ones, which request validation refuses. */
  knows(protocol: string): boolean;
  /** The response has `switchProtocols`. */
  readonly handle: RequestHandler;
}

/** RFC 9110 §7.8: one protocol, with an optional version. */
const PROTOCOL = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\/[!#$%&'*+.^_`|~0-9A-Za-z-]+)?$/;

/**
 * The protocol that a request asks for in a way that can be answered: HTTP/1.1, GET, one protocol that some route
 * allows, without a body, and with nothing before it on its connection that waits for a response. Undefined: it is an
 * ordinary request.
 */
export function protocolAskedFor(request: IncomingMessage, knows: (protocol: string) => boolean): string | undefined {
  const { headers, socket } = request;
  const { upgrade } = headers;
  if (request.method !== 'GET' || request.httpVersion !== '1.1' || upgrade === undefined) return undefined;
  if (!PROTOCOL.test(upgrade) || !knows(upgrade)) return undefined;
  if (hasBody(headers) || headers.expect !== undefined || socket.readableEnded) return undefined;
  return (newestResponse(socket)?.writableFinished ?? true) ? upgrade : undefined;
}

/** Connections that have left HTTP/1.1, or are about to. */
const detached = new WeakSet<Socket>();

export function isDetached(socket: Socket): boolean {
  return detached.has(socket);
}

/**
 * Has a server answer requests for another protocol. Its requests must be of the classes of express.ts, which let
 * node:http emit `upgrade` for those only that have `upgradeTo`. The server may also be one that gets its connections
 * by `emit('connection')`.
 */
export function attachUpgrades(server: Server | TlsServer, { handle }: UpgradeHandler): void {
  server.on('upgrade', (request: IncomingMessage & InboundRequest, socket: Socket, head: Buffer) => {
    // Neither its parser nor the drain of HTTP connections know it any more.
    serverParts.get(server)?.open.delete(socket);
    detached.add(socket);
    // The listeners of encodeRawTargets and readInSlices. Bytes behind the header section go back to the stream.
    socket.pause();
    socket.removeAllListeners('data');
    // Not `delete`: V8 would treat the socket as a dictionary from then on.
    socket.push = Readable.prototype.push.bind(socket);
    const channel = new HandshakeChannel(socket, head);
    // In this turn of the event loop, node:http gives back to the stream what it has in hand.
    setImmediate(() => {
      if (socket.destroyed) return;
      channel.read();
      handle(request, channel.response);
    });
  });
}

/** What a client may send before it is answered. Bytes. */
const MAX_EARLY_BYTES = 64 * 1024;
/** How long a client may take to close after a refusal. ms. */
const LINGER_MS = 5_000;
/** How long a client that has closed its half is answered. It has probably left: no new protocol begins so. ms. */
const LEFT_MS = 1_000;

/** A connection between the request for another protocol and its answer. */
class HandshakeChannel implements ResponseChannel {
  readonly socket: Socket;
  readonly response: HandshakeResponse;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #ended = false;
  #refused = false;
  #leftTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, head: Buffer) {
    this.socket = socket;
    this.response = new HandshakeResponse(this);
    if (head.length > 0) this.#keep(head);
    socket.on('error', this.#onError).on('close', this.#onClose).on('drain', this.#onDrain).on('end', this.#onEnd);
  }

  /** Reads on, within bounds: a client that leaves is noticed only so. */
  read(): void {
    this.socket.on('data', this.#onData);
    if (this.#earlyBytes < MAX_EARLY_BYTES) this.socket.resume();
  }

  connectionFields(): string {
    return 'Connection: close\r\n';
  }

  /** Every response but 101 does. */
  closeAfter(): void {}

  responded(): void {
    clearTimeout(this.#leftTimer);
    this.#refused = true;
    this.#early = [];
    // Unread bytes would reset the connection, and the response with it.
    this.socket.resume();
    this.socket.end();
    const timer = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once('end', () => this.socket.destroySoon()).once('close', () => clearTimeout(timer));
    if (this.#ended) this.socket.destroySoon();
  }

  /** Leaves the connection to its next owner. */
  detach(): DetachedConnection {
    const { socket } = this;
    clearTimeout(this.#leftTimer);
    socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('drain', this.#onDrain)
      .off('close', this.#onClose)
      .off('error', this.#onError)
      .pause();
    return { socket, early: this.#early, ended: this.#ended };
  }

  #keep(bytes: Buffer): void {
    this.#early.push(bytes);
    this.#earlyBytes += bytes.length;
    if (this.#earlyBytes >= MAX_EARLY_BYTES) this.socket.pause();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (!this.#refused) this.#keep(bytes);
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (!this.response.headersSent) this.#leftTimer = setTimeout(() => this.socket.destroy(), LEFT_MS);
  };

  readonly #onDrain = (): void => this.response.connectionDrained();

  /** `close` follows. */
  readonly #onError = (): void => undefined;

  readonly #onClose = (): void => {
    clearTimeout(this.#leftTimer);
    this.response.connectionClosed();
  };
}

/** The response to a request for another protocol: 101, or one like any other, which closes the connection. */
class HandshakeResponse extends FastResponse {
  readonly #channel: HandshakeChannel;

  constructor(channel: HandshakeChannel) {
    super(channel, false);
    this.#channel = channel;
  }

  switchProtocols(headers: readonly string[]): DetachedConnection {
    const { socket } = this.#channel;
    let head = 'HTTP/1.1 101 Switching Protocols\r\n';
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]!}: ${headers[i + 1]!}\r\n`;
    const connection = this.#channel.detach();
    socket.write(`${head}\r\n`, 'latin1');
    this.completeWith(101);
    return connection;
  }
}
