import { createServer, IncomingMessage, ServerResponse, STATUS_CODES, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer, type ServerOptions as TlsOptions } from 'node:https';
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net';
import express, { type Express } from 'express';
import { problemDocument, TokenwardError, type ErrorCode } from './errors.ts';
import type { RequestHandler, StreamedRequest } from './inbound/exchange.ts';
import { PlainFastPath } from './inbound/fast-path.ts';
import { cutWhenSilent } from './inbound/half-closed.ts';
import { oneAtATime, whenDue } from './inbound/one-at-a-time.ts';
import { refusalOf } from './inbound/refusal.ts';
import { readInSlices } from './inbound/sliced-reading.ts';

/** A listener that could not start; `message` says which and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

export interface ServerLimits {
  /** Bytes of a request's head. */
  readonly headerBytes: number;
  /** Told of every request that the parser refused, which therefore never became one. */
  readonly onRefused?: (code: ErrorCode) => void;
  /** Answers plain requests before Express and node:http have seen them. Not with TLS, beside which their part is small. */
  readonly fastPath?: RequestHandler;
}

/** A new Express application, told nothing and telling nothing. */
export function createExpress(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  return app;
}

/**
 * A node:http server for an Express app. Express calls Object.setPrototypeOf on every request and response, which on
 * Node 20 makes all later code 2–4 times slower; with classes whose prototype *is* what Express would set, that call
 * changes nothing and costs nothing.
 */
export function createHttpServer(app: Express, limits: ServerLimits, tls?: TlsOptions): Server | TlsServer {
  const options = {
    ...expressClasses(app),
    maxHeaderSize: limits.headerBytes,
    // Slow heads are cut after 10 s, and looked for every second (Node: 60 s, every 30 s).
    headersTimeout: 10_000,
    connectionsCheckingInterval: 1_000,
    // No limit on a whole request: large uploads take their time. Bodies that stand still are cut by whoever reads them.
    requestTimeout: 0,
    // Longer than the connection pools of the callers, so that it is they who close.
    keepAliveTimeout: 65_000,
    noDelay: true,
    // The gate looks after it, and its answer has our form.
    requireHostHeader: false,
  };
  const listener = oneAtATime(app as RequestListener);
  const server = tls === undefined ? createServer(options, listener) : createTlsServer({ ...options, ...tls, handshakeTimeout: 10_000 }, listener);
  // Node would drop what is beyond its limit in silence; the count is checked with the request instead.
  server.maxHeadersCount = 0;
  server.maxRequestsPerSocket = 0;
  // Missing in Node's types and documentation: without it, a closed half ends the connection under its response.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Node would answer these by itself, past the gate: what comes behind them would then be carried out. And whether a
  // body is wanted is not known before the request's turn.
  server.on('checkExpectation', listener);
  server.on('checkContinue', listener);
  server.on('connect', (_request: IncomingMessage, socket: Socket) => refuseTunnel(socket, limits));
  server.on('clientError', (error: Error, socket: Socket) => refuseMalformed(error, socket, limits));
  const open = new Map<Socket, number>();
  const fastPath = limits.fastPath && tls === undefined ? new PlainFastPath(server, limits.fastPath, limits.headerBytes) : undefined;
  parts.set(server, { open, fastPath });
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    open.set(socket, socket.bytesRead);
    socket.on('close', () => open.delete(socket));
    socket.once('end', () => cutWhenSilent(socket));
    if (fastPath === undefined) readInSlices(socket);
  });
  return server;
}

interface Parts {
  /** Callers' connections, with the bytes read before their first request: those of a TLS handshake. */
  readonly open: ReadonlyMap<Socket, number>;
  readonly fastPath: PlainFastPath | undefined;
}

/** What belongs to a server, and Node does not know of. */
const parts = new WeakMap<NetServer, Parts>();

/**
 * Classes whose objects already have the prototype that Express would set. They must be real subclasses: with a plain
 * function as `new.target`, V8 makes a new hidden class for every single object, and no inline cache ever hits again.
 */
function expressClasses(app: Express): { IncomingMessage: typeof IncomingMessage; ServerResponse: typeof ServerResponse } {
  class Request extends IncomingMessage implements StreamedRequest {
    taker: StreamedRequest['taker'] = undefined;
    received = 0;

    override push(piece: Buffer | null, encoding?: BufferEncoding): boolean {
      const { taker } = this;
      if (piece !== null) this.received += piece.length;
      taker?.(piece);
      return taker === undefined || piece === null ? super.push(piece, encoding) : true;
    }
  }
  class Response<R extends IncomingMessage> extends ServerResponse<R> {}
  app.request = Object.setPrototypeOf(Request.prototype, app.request) as Express['request'];
  app.response = Object.setPrototypeOf(Response.prototype, app.response) as Express['response'];
  return { IncomingMessage: Request, ServerResponse: Response };
}

/** What Node's parser refuses never becomes a request; it still deserves an answer in our form. */
function refuseMalformed(error: Error, socket: Socket, limits: ServerLimits): void {
  // Anything but the parser's own complaints is a broken connection or a TLS handshake that failed or never ended: there
  // is nobody to answer, and an answer that waits for the handshake would keep the connection open for ever.
  const refusal = socket.writable ? refusalOf(error, limits.headerBytes) : undefined;
  if (refusal === undefined) {
    socket.destroy();
    return;
  }
  refuse(socket, refusal, limits);
}

/** How long a refused tunnel may take to close. ms. */
const TUNNEL_LINGER = 5_000;

/** CONNECT: this is no forward proxy. node:http has left the connection, so that whatever comes on it is nobody's. */
function refuseTunnel(socket: Socket, limits: ServerLimits): void {
  socket.on('error', () => socket.destroy()).resume();
  const timer = setTimeout(() => socket.destroy(), TUNNEL_LINGER);
  socket.once('close', () => clearTimeout(timer));
  refuse(socket, new TokenwardError('method_refused', { detail: 'this is no forward proxy: call it at http://its-own-address/prefix/…' }), limits);
}

/** Answers what never became a request, once on a connection, and closes that. */
function refuse(socket: Socket, refusal: TokenwardError, { onRefused }: ServerLimits): void {
  // What follows on this connection is nobody's request any more, and would complain again.
  if (refused.has(socket)) return;
  refused.add(socket);
  const { status, code } = refusal;
  onRefused?.(code);
  const body = problemDocument(refusal);
  whenDue(socket, () => {
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/problem+json\r\nX-Tokenward-Error: ${code}\r\nCache-Control: no-store\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
  });
}

const refused = new WeakSet<Socket>();

/** Starts listening. Rejects with a ListenError that names address and cause. */
export function listen(server: Server | TlsServer, host: string, port: number, what: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'the port is in use; stop the other program or choose another port' : error.code === 'EACCES' ? 'not permitted; choose a port above 1023' : error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' ? 'this machine has no such address' : (error.code ?? error.message);
      reject(new ListenError(`Cannot listen on ${host}:${port} (${what}): ${why}.`));
    };
    server.once('error', failed);
    server.listen({ host, port, backlog: 4_096 }, () => {
      server.off('error', failed);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** From now on every connection's next answer says `Connection: close`, so that callers leave by themselves. */
export function sendCallersAway(server: Server | TlsServer): void {
  server.maxRequestsPerSocket = 1;
  const fastPath = parts.get(server)?.fastPath;
  if (fastPath !== undefined) fastPath.sendingAway = true;
}

/** Takes it back: connections are kept again from their next answer on. */
export function keepCallers(server: Server | TlsServer): void {
  server.maxRequestsPerSocket = 0;
  const fastPath = parts.get(server)?.fastPath;
  if (fastPath !== undefined) fastPath.sendingAway = false;
}

/** How a server comes to its end. */
export interface DrainOptions {
  /** How long a connection stands idle before it is closed. ms. */
  readonly patience?: number;
  /** How long callers are still kept on their connections once nothing new is accepted. ms. */
  readonly calm?: number;
}

/**
 * Stops accepting, lets running requests end for up to `milliseconds`, then cuts the rest. A connection that stands idle
 * is closed once it has been so for `patience` ms: closed at once, it would be cut under a caller who is just sending the
 * next request on it, and who could not know whether that was carried out.
 */
export async function drain(server: Server | TlsServer, milliseconds: number, { patience = 0, calm = 0 }: DrainOptions = {}): Promise<void> {
  if (!server.listening) return;
  // The connections that wait are accepted first: those still waiting when the listener closes are reset.
  if (calm > 0) await new Promise(setImmediate);
  // Not the HTTP server's own `close`, which closes idle connections at once.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  const away = calm > 0 ? setTimeout(() => sendCallersAway(server), calm) : undefined;
  if (calm === 0) sendCallersAway(server);
  const { open, fastPath } = parts.get(server)!;
  const idle = new IdleConnections(open, fastPath);
  const closeIdle = (): void => {
    server.closeIdleConnections();
    fastPath?.closeIdle();
  };
  // Timers come before reading: what has come meanwhile is read before anything counts as idle.
  const sweep = setInterval(() => (patience === 0 ? closeIdle() : setImmediate(() => idle.close(patience))), SWEEP_EVERY);
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
type CallerSocket = Socket & { readonly _httpMessage?: ServerResponse | null; readonly parser?: { duration?(): number } | null };

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
      if (quiet?.read !== socket.bytesRead || this.#isBusy(socket, readAtFirst)) this.#quiet.set(socket, { since: now, read: socket.bytesRead });
      else if (now - quiet.since >= after) socket.destroy();
    }
  }

  /** Whether a request is being answered or has come in part. */
  #isBusy(socket: CallerSocket, readAtFirst: number): boolean {
    if (this.#fastPath?.isBusy(socket) === true || (socket._httpMessage !== undefined && socket._httpMessage !== null)) return true;
    // The time since a request began; of a connection on which nothing has come yet, since it was made.
    return (socket.parser?.duration?.() ?? 0) > 0 && socket.bytesRead > readAtFirst;
  }
}
