import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** node:http stores the current response on the socket, and nowhere else. */
type RespondingSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

/** How often a half-closed connection is checked. ms. */
const CHECK_INTERVAL_MS = 75;
/** The first makes the client's system send a reset, if the client has left; the second notices it. */
const PROBES = 2;
/** Limit on the time without a byte sent, if no probe is possible. ms. */
const MAX_SILENCE_MS = 1_000;

/**
 * Closes the connection of a client that has left. A client may close its sending half after its request and still wait
 * for the response. One that has left looks the same until we write to it: then its system sends a reset. So if no
 * response has begun after a moment, `probe` sends an interim response, twice; every HTTP/1.1 client must be able to
 * ignore these (RFC 9110 §15.2), and the upstream is spared the work. `probe` returns false if it could not send.
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
      // The client has taken both, so it is still waiting.
      if (probes === PROBES) clearInterval(timer);
      return;
    }
    silentMs += CHECK_INTERVAL_MS;
    if (silentMs >= MAX_SILENCE_MS) socket.destroy();
  }, CHECK_INTERVAL_MS);
  socket.once('close', () => clearInterval(timer));
}

/** Sends 100 Continue on a connection of node:http. False: not possible now. */
export function sendInterim(socket: RespondingSocket): boolean {
  const response = socket._httpMessage;
  if (response === undefined || response === null || response.headersSent) return false;
  // HTTP/1.0 has no interim responses.
  if (response.req.httpVersion !== '1.1') return false;
  response.writeContinue();
  return true;
}
