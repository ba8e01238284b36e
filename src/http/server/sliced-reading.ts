import type { Socket } from 'node:net';
import { newestRequest } from './one-at-a-time.ts';
import { hasPending } from './raw-targets.ts';

/** So much is given to node:http at once where a head may begin: some 40 of the shortest requests. Bytes. */
const HEAD_SLICE_BYTES = 1024;
/** And within a body whose end is not known. Bytes. */
const BODY_SLICE_BYTES = 4 * 1024;

/**
 * Has node:http read what comes on a connection in slices, between which reading can be stopped. It makes a request of
 * everything that looks like one in what it is given, before anybody can object: a client can put 2,000 into one packet
 * of 64 KB, which are 3 MB here (measured on Node 20). A body whose length is known is one slice.
 */
export function readInSlices(socket: Socket): void {
  // With a listener, the bytes come by way of the stream; node:http's parser would take them before it otherwise.
  socket.on('data', () => undefined);
  const push = socket.push.bind(socket);
  socket.push = (bytes: Buffer | null): boolean => {
    if (bytes === null) return push(null);
    let more = true;
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + sliceOf(socket));
      more = push(bytes.subarray(at, end));
      at = end;
    }
    return more;
  };
}

/**
 * The same of bytes that were read before, as if they came just now; behind them, if it has `ended`, the connection's
 * end.
 */
export function feedInSlices(socket: Socket, bytes: Buffer, ended: boolean): void {
  readInSlices(socket);
  if (!ended) {
    socket.push(bytes);
    return;
  }
  // The stream is at its end, and takes nothing any more.
  let at = 0;
  const deliver = (): void => {
    while (at < bytes.length && !socket.isPaused()) {
      const end = Math.min(bytes.length, at + sliceOf(socket));
      socket.emit('data', bytes.subarray(at, end));
      at = end;
    }
    if (at < bytes.length || socket.isPaused() || hasPending(socket)) return;
    socket.off('resume', deliver);
    socket.emit('end');
  };
  socket.on('resume', deliver);
  deliver();
}

function sliceOf(socket: Socket): number {
  const request = newestRequest(socket);
  if (request === undefined || request.complete) return HEAD_SLICE_BYTES;
  const length = request.headers['content-length'];
  const rest = length === undefined ? BODY_SLICE_BYTES : Number(length) - request.receivedBytes;
  // What waits in the stream may have been the rest of that body.
  return Math.max(1, socket.readableLength === 0 ? rest : Math.min(rest, BODY_SLICE_BYTES));
}
