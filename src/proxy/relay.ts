import type { OutboundResponse } from '../http/server/exchange.ts';
import { waitForReader } from './respond.ts';
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
  idle: number,
): void {
  if (response.destroyed) {
    upstreamResponse.cancel();
    return;
  }
  response.writeHead(upstreamResponse.status, upstreamResponse.statusText, headers);
  if (upstreamResponse.ended && upstreamResponse.chunks.length <= 1) {
    // All here: head and body leave in one write.
    response.end(upstreamResponse.chunks[0]);
    waitForReader(response, idle);
    return;
  }
  // Nothing of the body yet, as with an event stream: the head must not wait for it.
  if (upstreamResponse.chunks.length === 0) response.flushHeaders();
  // A caller who stops reading must not hold an upstream connection for ever.
  let patience: NodeJS.Timeout | undefined;
  response.on('drain', () => {
    clearTimeout(patience);
    upstreamResponse.resume();
  });
  response.on('close', () => clearTimeout(patience));
  upstreamResponse.pipe({
    write(chunk) {
      const room = response.write(chunk, releaseAfterWrite(chunk));
      if (!room) {
        clearTimeout(patience);
        if (idle > 0) patience = setTimeout(() => response.destroy(), idle);
      }
      return room;
    },
    end: () => {
      response.end();
      clearTimeout(patience);
      waitForReader(response, idle);
    },
    // Half a reply must not end like a whole one: the caller sees its connection cut.
    fail: () => response.destroy(),
  });
}
