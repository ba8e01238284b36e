import type { InboundRequest, OutboundResponse } from '../http/server/exchange.ts';
import { cutIfUnread, endOnceRead } from './respond.ts';
import { releaseAfterWrite } from '../http/free-buffer.ts';
import type { UpstreamResponse } from '../http/client/response.ts';

/**
 * Relays the upstream's response as it arrives. `headers`: names and values in turn. A client that reads nothing for
 * `idleMs` (0: no limit) counts as gone. `unread`: a request whose body was not asked for, so that the connection ends
 * with the response. A client that sends the body all the same must not lose the response by a reset. `trailers`:
 * called when the body is complete, if the client takes some and `headers` announce them.
 */
export function relay(
  upstreamResponse: UpstreamResponse,
  response: OutboundResponse,
  headers: string[],
  idleMs: number,
  unread?: InboundRequest,
  trailers?: () => readonly [string, string][],
): void {
  if (response.destroyed) {
    upstreamResponse.cancel();
    return;
  }
  response.writeHead(upstreamResponse.status, upstreamResponse.statusText, headers);
  const lingers = unread !== undefined && hasLength(headers);
  if (!lingers && trailers === undefined && upstreamResponse.ended && upstreamResponse.chunks.length <= 1) {
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
      if (trailers !== undefined) response.addTrailers?.(trailers());
      // Without a length, the client would wait for the end.
      if (lingers) endOnceRead(unread, response);
      else response.end();
      clearTimeout(stallTimer);
      cutIfUnread(response, idleMs);
    },
    // A partial response must not look complete, so the client's connection is cut.
    fail: () => response.destroy(),
  });
}

function hasLength(headers: readonly string[]): boolean {
  return headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-length');
}
