import type { OutboundResponse } from '../http/server/exchange.ts';
import { cutIfUnread } from './respond.ts';
import { releaseAfterWrite } from '../http/free-buffer.ts';
import type { UpstreamResponse } from '../http/client/response.ts';

/**
 * Sends the upstream's reply to the caller as it comes; `headers` is a flat list of names and values. A caller who
 * reads nothing for `idle` ms (0: no limit) has gone, whatever his connection says.
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
    // All here: head and body leave in one write.
    response.end(upstreamResponse.chunks[0]);
    cutIfUnread(response, idleMs);
    return;
  }
  // Nothing of the body yet, as with an event stream: the head must not wait for it.
  if (upstreamResponse.chunks.length === 0) response.flushHeaders();
  // A caller who stops reading must not hold an upstream connection for ever.
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
    // Half a reply must not end like a whole one: the caller sees its connection cut.
    fail: () => response.destroy(),
  });
}
