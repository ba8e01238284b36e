import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** So many requests wait behind the one that is being answered before their connection is read no further. */
const WAITING_MOST = 32;
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;

/** A connection's requests that node:http has found in what it has read. */
interface Line {
  /** The response to the newest of them. */
  last: ServerResponse;
  waiting: number;
  /** Reading is stopped until nobody waits any more. */
  held: boolean;
}

const lines = new WeakMap<Socket, Line>();

/**
 * Has the requests of a connection carried out one after the other: the next one begins when the response before it is
 * out. node:http hands them out as it finds them. Side by side, an unsafe one could overtake another (RFC 9112 §9.3.2),
 * a 100 Continue could land in the middle of another's response, and one connection could take every slot there is. One
 * whose connection ends before its turn is never begun.
 */
export function oneAtATime(handle: RequestListener): RequestListener {
  return (request, response) => {
    const { socket } = request;
    // Node's parser overlooks a `close` in a list. Nothing behind such a request may be carried out (RFC 9112 §9.6).
    if (CLOSE.test(request.headers.connection ?? '')) response.shouldKeepAlive = false;
    const line = lineOf(socket, response);
    if (response.socket !== null) {
      handle(request, response);
      return;
    }
    line.waiting += 1;
    if (line.waiting >= WAITING_MOST && !line.held) {
      line.held = true;
      socket.pause();
    }
    response.once('socket', () => {
      line.waiting -= 1;
      if (line.waiting === 0 && line.held) {
        line.held = false;
        socket.resume();
      }
      if (!refused.has(response)) handle(request, response);
    });
  };
}

function lineOf(socket: Socket, response: ServerResponse): Line {
  let line = lines.get(socket);
  if (line === undefined) lines.set(socket, (line = { last: response, waiting: 0, held: false }));
  line.last = response;
  return line;
}

/** Responses to requests whose bodies turned out to be malformed before their turn came. */
const refused = new WeakSet<ServerResponse>();

/**
 * Runs `refuse` where the connection's next response is due: after those to the good requests before what the parser
 * refused. Written any sooner, a refusal would be taken for the response to one of them.
 */
export function whenDue(socket: Socket, refuse: () => void): void {
  const last = lines.get(socket)?.last;
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
