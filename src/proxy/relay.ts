import type { OutboundResponse } from '../http/server/exchange.ts';
import { cutIfUnread } from './respond.ts';
import { releaseAfterWrite } from '../http/free-buffer.ts';
import type { UpstreamResponse } from '../http/client/response.ts';

/**
 * Relays the upstream's response as it arrives. `headers`: names and values in turn. A client that reads nothing for
 * `idleMs` (0: no limit) counts as gone.
 */
export function relay(
  upstreamResponse: UpstreamResponse,
  response: OutboundResponse,
  headers: string[],
  idleMs: number,
): void {
  if (response.destroyed) {
    upstreamResponse.cancel();
    return;
  }
  response.writeHead(upstreamResponse.status, upstreamResponse.statusText, headers);
  if (upstreamResponse.ended && upstreamResponse.chunks.length <= 1) {
    // Complete: one write for the whole response.
    response.end(upstreamResponse.chunks[0]);
    cutIfUnread(response, idleMs);
    return;
  }
  // No body yet, as with an event stream: the header section must not wait for it.
  if (upstreamResponse.chunks.length === 0) response.flushHeaders();
  // A client that stops reading must not hold an upstream connection for ever.
  let stallTimer: NodeJS.Timeout | undefined;
  response.on('drain', () => {
    clearTimeout(stallTimer);
    upstreamResponse.resume();
  });
  response.on('close', () => clearTimeout(stallTimer));
  upstreamResponse.pipe({
    write(chunk) {
      const room = response.write(chunk, releaseAfterWrite(chunk));
      if (!room) {
        clearTimeout(stallTimer);
        if (idleMs > 0) stallTimer = setTimeout(() => response.destroy(), idleMs);
      }
      return room;
    },
    end: () => {
      response.end();
      clearTimeout(stallTimer);
      cutIfUnread(response, idleMs);
    },
    // A partial response must not look complete, so the client's connection is cut.
    fail: () => response.destroy(),
  });
}
