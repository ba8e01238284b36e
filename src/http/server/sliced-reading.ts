import type { Socket } from 'node:net';
import { newestRequest } from './one-at-a-time.ts';
import { hasPending } from './raw-targets.ts';

/** Slice size where a header section may begin: some 40 of the shortest requests. Bytes. */
const HEAD_SLICE_BYTES = 1024;
/** Slice size within a body of unknown length. Bytes. */
const BODY_SLICE_BYTES = 4 * 1024;

/**
 * Makes node:http read a connection in slices, between which reading can be paused. It emits every request in the bytes
 * it gets before anything can stop it: a client can put 2,000 into one read of 64 KB, which take 3 MB here (measured on
 * Node 20). A body of known length is one slice.
 */
export function readInSlices(socket: Socket): void {
  // With a listener, the bytes come through the stream; otherwise node:http's parser would read them from the handle.
  socket.on('data', ignore);
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

/** Undoes `readInSlices`, for a connection that node:http reads no more. */
export function readAsItComes(socket: Socket): void {
  Reflect.deleteProperty(socket, 'push');
  socket.off('data', ignore);
}

const ignore = (): void => undefined;

/** `readInSlices` for a connection of which `bytes` were read before, and its end if it has `ended`. */
export function feedInSlices(socket: Socket, bytes: Buffer, ended: boolean): void {
  readInSlices(socket);
  if (!ended) {
    socket.push(bytes);
    return;
  }
  // The stream has ended, so it takes no more bytes.
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
  // The bytes that wait in the stream may be the rest of that body.
  return Math.max(1, socket.readableLength === 0 ? rest : Math.min(rest, BODY_SLICE_BYTES));
}
