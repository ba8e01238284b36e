import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A connection with the response that node:http is at; it names it nowhere else. */
type RespondingSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

/** How often a connection whose client has closed its sending half is looked at. ms. */
const CHECK_INTERVAL_MS = 75;
/** The first makes the system of a client that has left refuse; that is seen at the second. */
const PROBES = 2;
/** So long may such a client go without a byte of a response that has begun, or that it cannot be asked about. ms. */
const MAX_SILENCE_MS = 1_000;

/**
 * A client may close its sending half once its request is out, and still wait for the response. One that has left
 * altogether looks the same until something is written to it: then its system refuses the bytes. So if no response has
 * begun after a moment, `probe` sends an interim one, twice, which every client of HTTP/1.1 must be able to ignore (RFC
 * 9110 §15.2), and an upstream does not work for nobody. `probe`: false, if that is not possible.
 */
export function cutIfClientLeft(socket: Socket, probe: () => boolean): void {
  let written = socket.bytesWritten;
  let silentMs = 0;
  let probes = 0;
  const timer = setInterval(() => {
    if (socket.bytesWritten !== written || socket.writableLength > 0) {
      written = socket.bytesWritten;
      silentMs = 0;
      return;
    }
    if (probe()) {
      written = socket.bytesWritten;
      probes += 1;
      // Whoever is still there after them is really waiting.
      if (probes === PROBES) clearInterval(timer);
      return;
    }
    silentMs += CHECK_INTERVAL_MS;
    if (silentMs >= MAX_SILENCE_MS) socket.destroy();
  }, CHECK_INTERVAL_MS);
  socket.once('close', () => clearInterval(timer));
}

/** Sends an interim response on a connection that node:http reads. False: there is none to send. */
export function sendInterim(socket: RespondingSocket): boolean {
  const response = socket._httpMessage;
  if (response === undefined || response === null || response.headersSent) return false;
  // An HTTP/1.0 client does not know what it is.
  if (response.req.httpVersion !== '1.1') return false;
  response.writeContinue();
  return true;
}
