import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type ServerOptions as TlsOptions,
} from 'node:https';
import type { Socket } from 'node:net';
import type { Express } from 'express';
import { FastEngine } from './fast/engine.ts';
import { cutIfClientLeft, sendInterim } from './half-closed.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { encodeRawTargets } from './raw-targets.ts';
import { readInSlices } from './sliced-reading.ts';
import { serverParts } from './drain.ts';
import { expressClasses } from './express.ts';
import type { ServerLimits } from './limits.ts';
import { refuseMalformed } from './malformed.ts';
import { handleConnect } from './connect.ts';
import { attachUpgrades, isDetached } from './upgrade.ts';

/**
 * A node:http server for an Express app. Express calls Object.setPrototypeOf on every request and response, which on
 * Node 20 makes all later code 2–4 times slower; with classes that already have the prototype, that call changes
 * nothing and costs nothing.
 */
export function createHttpServer(app: Express, limits: ServerLimits, tls?: TlsOptions): Server | TlsServer {
  const options = {
    ...expressClasses(app, limits.upgrades?.knows),
    maxHeaderSize: limits.headerBytes,
    // Limit on a header section, checked every second (Node: 60 s, every 30 s).
    headersTimeout: 10_000,
    connectionsCheckingInterval: 1_000,
    // No limit on a whole request: large uploads take their time. Stalled bodies have a limit of their own.
    requestTimeout: 0,
    // Longer than the idle limits of clients' connection pools, so that the clients close first.
    keepAliveTimeout: 65_000,
    noDelay: true,
    // Request validation checks it, and responds with a problem document.
    requireHostHeader: false,
  };
  const listener = oneAtATime(app as RequestListener);
  const server =
    tls === undefined
      ? createServer(options, listener)
      : // A client may end its sending half and wait for its responses here too; node:http says so for TCP only.
        createTlsServer({ ...options, ...tls, handshakeTimeout: 10_000, allowHalfOpen: true } as TlsOptions, listener);
  // Node would drop further fields silently; request validation counts them instead.
  server.maxHeadersCount = 0;
  server.maxRequestsPerSocket = 0;
  // Missing in Node's types and documentation. Without it, a half-close would end the connection before the response.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Node would respond to these itself, without validation, and carry out what comes behind them. And whether the body
  // is wanted is not known before the request's turn.
  server.on('checkExpectation', listener);
  server.on('checkContinue', listener);
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    letGo.get(socket)?.();
    socket.on('error', () => socket.destroy());
    // What was read behind the request returns to the stream first.
    queueMicrotask(() => handleConnect(request, socket, head, limits));
  });
  server.on('clientError', (error: Error, socket: Socket) => refuseMalformed(error, socket, limits));
  if (limits.upgrades !== undefined) attachUpgrades(server, limits.upgrades);
  const open = new Map<Socket, number>();
  const event = tls === undefined ? 'connection' : 'secureConnection';
  const fastEngine = limits.fastEngine && new FastEngine(server, event, limits.fastEngine, limits.headerBytes);
  serverParts.set(server, { open, fastEngine, tunnels: limits.tunnels });
  const letGo = new WeakMap<Socket, () => void>();
  server.on(event, (socket: Socket) => {
    open.set(socket, socket.bytesRead);
    socket.on('close', () => open.delete(socket));
    const onEnd = (): void => {
      if (isDetached(socket)) return;
      cutIfClientLeft(socket, () => fastEngine?.sendInterim(socket) === true || sendInterim(socket));
    };
    socket.once('end', onEnd);
    letGo.set(socket, () => {
      open.delete(socket);
      socket.off('end', onEnd);
    });
    // The fast engine does this when it hands a connection over.
    if (fastEngine !== undefined) return;
    encodeRawTargets(socket);
    readInSlices(socket);
  });
  return server;
}
