import { createHash } from 'node:crypto';
import type http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ClientDisconnected } from '../http/message.ts';
import type { OpenEntry, Outcome } from './ledger.ts';
import { toWire, type CustomResponse } from './response.ts';

/** One request on its way through a vendor, and its response. */
export interface Exchange {
  readonly req: http.IncomingMessage;
  readonly res: http.ServerResponse;
  /** The server's own origin, without a trailing slash. */
  readonly origin: string;
  /** Raw path, not decoded. */
  readonly path: string;
  /** Raw query without the `?`; empty if there is none. */
  readonly query: string;
  readonly entry: OpenEntry;
  /** Set when the sandbox itself cuts the connection, so that the client is not blamed for it. */
  cutByUs: boolean;
}

/** Resolves later; does not keep the process alive. */
export async function pause(ms: number): Promise<void> {
  if (ms > 0) await delay(ms, undefined, { ref: false });
}

// Only bodies that a vendor must understand are kept, and those are small; everything is hashed as it streams by.
const KEEP_BYTES = 1_048_576;

/**
 * Reads the body to its end, counting and hashing it into the ledger entry. Resolves with the body, or with an empty
 * buffer if it was too long to keep. `onChunk` sees every piece; a promise from it holds the stream back. Rejects with
 * ClientDisconnected if the client left before.
 */
export async function readBody(x: Exchange, onChunk?: (chunk: Buffer) => Promise<void> | undefined): Promise<Buffer> {
  if (waitsForContinue(x)) x.res.writeContinue();
  const hash = createHash('sha256');
  let kept: Buffer[] = [];
  try {
    for await (const chunk of x.req as AsyncIterable<Buffer>) {
      x.entry.bodyBytes += chunk.length;
      hash.update(chunk);
      if (x.entry.bodyBytes <= KEEP_BYTES) kept.push(chunk);
      else kept = [];
      await onChunk?.(chunk);
    }
  } catch {
    throw new ClientDisconnected();
  }
  x.entry.bodySha256 = hash.digest('hex');
  return Buffer.concat(kept);
}

/** The client sends the body only when it is asked for it. */
export function waitsForContinue({ req, res }: Exchange): boolean {
  return req.httpVersion === '1.1' && req.headers.expect?.toLowerCase() === '100-continue' && !res.headersSent;
}

/** Writes the outcome down, before a byte of the response leaves: whoever has the response finds it in the ledger. */
export function settle(x: Exchange, outcome: Outcome, reason: string | null = null): void {
  x.entry.outcome = outcome;
  x.entry.reason = reason;
}

/** True if nobody is there to read a response. */
export function isGone(x: Exchange): boolean {
  return x.res.destroyed || x.res.writableEnded || x.req.socket.destroyed;
}

/** Sends a response and ends the exchange. */
export function respond(x: Exchange, response: CustomResponse, outcome: Outcome, reason: string | null = null): void {
  settle(x, outcome, reason);
  x.entry.status = response.status;
  if (isGone(x)) return;
  const { headers, bytes } = toWire(response);
  x.res.writeHead(response.status, response.reason, headers);
  const { chunkBytes = 0 } = response;
  if (chunkBytes > 0) void writePieces(x, bytes, chunkBytes, 0);
  else x.res.end(bytes);
}

/** Writes a body piece by piece, each in a packet of its own as far as the kernel allows, then ends. */
export async function writePieces(x: Exchange, bytes: Buffer, size: number, everyMs: number): Promise<void> {
  for (let at = 0; at < bytes.length && !isGone(x); at += size) {
    await write(x, bytes.subarray(at, at + size));
    // Even without a wait each piece gets a turn of the event loop to leave by itself.
    if (everyMs > 0) await pause(everyMs);
    else await new Promise<void>((resolve) => setImmediate(resolve));
  }
  end(x);
}

/** Writes a piece of the response's body and waits while the client is slow to read it. */
export async function write(x: Exchange, piece: Buffer | string): Promise<void> {
  if (isGone(x) || x.res.write(piece)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      x.res.off('drain', done);
      x.res.off('close', done);
      resolve();
    };
    x.res.on('drain', done);
    x.res.on('close', done);
  });
}

/** Ends a response whose body is written. */
export function end(x: Exchange): void {
  if (!isGone(x)) x.res.end();
}

/** Destroys the connection with a RST, without a word. */
export function reset(x: Exchange): void {
  x.cutByUs = true;
  x.req.socket.resetAndDestroy();
}
