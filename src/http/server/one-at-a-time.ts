import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { BodyStream } from './exchange.ts';

/** So many requests wait behind the one that is being answered before their connection is read no further. */
const MAX_WAITING = 32;
/** If so many wait on all connections together, none with one that waits is read further. */
const MAX_TOTAL_WAITING = 5_000;
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;

/** A connection's requests that node:http has found in what it has read. */
interface RequestQueue {
  /** The response to the newest of them. */
  last: ServerResponse;
  waiting: number;
  /** Reading is stopped until nobody waits any more. */
  paused: boolean;
}

/**
 * What node:http notes on a connection: it reads on at the end of every request, unless it has noted that it must not.
 */
type PausableSocket = Socket & { _paused?: boolean; readonly parser?: { resume(): void } | null };

function stopReading(socket: PausableSocket): void {
  socket._paused = true;
  socket.pause();
}

/** The parser is stopped by node:http after the bytes that it was at. */
function resumeReading(socket: PausableSocket): void {
  // Its responses are not taken: then node:http reads on when they are.
  if (socket.writableNeedDrain) return;
  socket._paused = false;
  socket.parser?.resume();
  socket.resume();
}

const queues = new WeakMap<Socket, RequestQueue>();

/**
 * Has the requests of a connection carried out one after the other: the next one begins when the response before it is
 * out. node:http hands them out as it finds them. Side by side, an unsafe one could overtake another (RFC 9112 §9.3.2),
 * a 100 Continue could land in the middle of another's response, and one connection could take every slot there is. One
 * whose connection ends before its turn is never begun.
 */
export function oneAtATime(handle: RequestListener): RequestListener {
  let totalWaiting = 0;
  return (request, response) => {
    const { socket } = request;
    // Node's parser overlooks a `close` in a list. Nothing behind such a request may be carried out (RFC 9112 §9.6).
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

/** The newest request that node:http has found on a connection. */
export function newestRequest(socket: Socket): BodyStream | undefined {
  return queues.get(socket)?.last.req as BodyStream | undefined;
}

/** Responses to requests whose bodies turned out to be malformed before their turn came. */
const refused = new WeakSet<ServerResponse>();

/**
 * Runs `refuse` where the connection's next response is due: after those to the good requests before what the parser
 * refused. Written any sooner, a refusal would be taken for the response to one of them.
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
    // What was refused is a part of its own body.
    refused.add(last);
    last.once('socket', refuse);
  } else if (last.headersSent) {
    socket.destroy();
  } else {
    refuse();
  }
}
