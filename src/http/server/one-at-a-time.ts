import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { BodyStream } from './exchange.ts';

/** Requests that may wait on one connection before its reading is paused. */
const MAX_WAITING = 32;
/** The same over all connections together; beyond it, each connection with a waiting request is paused. */
const MAX_TOTAL_WAITING = 5_000;
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;

/** The requests of one connection that node:http has parsed. */
interface RequestQueue {
  /** Response to the newest request. */
  last: ServerResponse;
  waiting: number;
  /** Reading is paused until no request waits. */
  paused: boolean;
}

/** node:http resumes reading after every request, unless `_paused` is set. */
type PausableSocket = Socket & { _paused?: boolean; readonly parser?: { resume(): void } | null };

function stopReading(socket: PausableSocket): void {
  socket._paused = true;
  socket.pause();
}

/** node:http pauses the parser after the bytes at hand. */
function resumeReading(socket: PausableSocket): void {
  // The client does not read its responses. node:http resumes when it does.
  if (socket.writableNeedDrain) return;
  socket._paused = false;
  socket.parser?.resume();
  socket.resume();
}

const queues = new WeakMap<Socket, RequestQueue>();

/**
 * Handles the requests of a connection one after the other: each begins when the previous response is complete.
 * node:http emits pipelined requests as it finds them. In parallel, an unsafe one could overtake another (RFC 9112
 * §9.3.2), a 100 Continue could land in the middle of another response, and one connection could take every slot. A
 * request whose connection closes before its turn is never begun.
 */
export function oneAtATime(handle: RequestListener): RequestListener {
  let totalWaiting = 0;
  return (request, response) => {
    const { socket } = request;
    // Node's parser misses `close` in a list. Nothing behind such a request may be carried out (RFC 9112 §9.6).
    if (CLOSE.test(request.headers.connection ?? '')) response.shouldKeepAlive = false;
    let queue = queues.get(socket);
    if (queue === undefined) {
      const newQueue = (queue = { last: response, waiting: 0, paused: false });
      queues.set(socket, newQueue);
      socket.once('close', () => {
        totalWaiting -= newQueue.waiting;
        newQueue.waiting = 0;
      });
    }
    queue.last = response;
    if (response.socket !== null) {
      handle(request, response);
      return;
    }
    if (socket.destroyed) return;
    queue.waiting += 1;
    totalWaiting += 1;
    if (queue.waiting >= MAX_WAITING || totalWaiting >= MAX_TOTAL_WAITING) {
      queue.paused = true;
      stopReading(socket);
    }
    response.once('socket', () => {
      queue.waiting -= 1;
      totalWaiting -= 1;
      if (queue.waiting === 0 && queue.paused) {
        queue.paused = false;
        resumeReading(socket);
      }
      if (!refused.has(response)) handle(request, response);
    });
  };
}

/** The response to the newest request that has been handled or waits for its turn. */
export function newestResponse(socket: Socket): ServerResponse | undefined {
  return queues.get(socket)?.last;
}

/** The newest request that node:http has parsed on a connection. */
export function newestRequest(socket: Socket): BodyStream | undefined {
  return queues.get(socket)?.last.req as BodyStream | undefined;
}

/** Whether the response to a request that node:http has parsed on this connection is not complete yet. */
export function isResponding(socket: Socket): boolean {
  const last = queues.get(socket)?.last;
  return last !== undefined && !last.writableFinished;
}

/** The response that node:http writes on this connection now. */
export function responseOn(socket: Socket): ServerResponse | undefined {
  return (socket as Socket & { readonly _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

/** Responses to requests whose bodies turned out malformed before their turn. */
const refused = new WeakSet<ServerResponse>();

/**
 * Runs `refuse` when the connection's next response is due: after those to the valid requests before the refused one.
 * Any earlier, a client would take it for one of them.
 */
export function whenResponseDue(socket: Socket, refuse: () => void): void {
  const last = queues.get(socket)?.last;
  if (last === undefined || last.writableFinished) {
    if (socket.writable) refuse();
  } else if (last.req.complete) {
    last.once('close', () => {
      if (socket.writable) refuse();
    });
  } else if (last.socket === null) {
    // The parser refused the body of this request.
    refused.add(last);
    last.once('socket', refuse);
  } else if (last.headersSent) {
    socket.destroy();
  } else {
    refuse();
  }
}
