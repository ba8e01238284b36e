import { createHash } from 'node:crypto';
import type http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { hasBody } from '../http/framing.ts';
import { toWire, type CustomResponse } from './response.ts';
import type { OpenEntry, Outcome } from './ledger.ts';

/** One request on its way through a vendor. */
export interface Exchange {
  readonly req: http.IncomingMessage;
  readonly res: http.ServerResponse;
  /** The server's own origin, without a trailing slash. */
  readonly origin: string;
  readonly service: string;
  /** Raw path, not decoded. */
  readonly path: string;
  /** Raw query without the `?`; empty when there is none. */
  readonly query: string;
  readonly entry: OpenEntry;
  /** Set when the sandbox itself cuts the connection, so that the caller is not blamed for it. */
  cutByUs: boolean;
}

/** The caller left before the request was complete; nothing can be answered any more. */
export class CallerGone extends Error {
  constructor() {
    super('the caller went away before its request was complete');
  }
}

/** Resolves later; does not keep the process alive. */
export async function pause(ms: number): Promise<void> {
  if (ms > 0) await delay(ms, undefined, { ref: false });
}

const EMPTY = Buffer.alloc(0);
const EMPTY_SHA256 = createHash('sha256').digest('hex');
// Only bodies a vendor must understand are kept, and those are small; everything is hashed as it streams by.
const KEEP_BYTES = 1_048_576;

/**
 * Reads the body to its end, counting and hashing it into the ledger entry. Gives back the body, or an
 * empty buffer when it was too long to keep. `onChunk` sees every piece; a promise from it holds the
 * stream back.
 */
export async function readBody(x: Exchange, onChunk?: (chunk: Buffer) => Promise<void> | undefined): Promise<Buffer> {
  if (!hasBody(x.req.headers)) {
    x.entry.bodySha256 = EMPTY_SHA256;
    return EMPTY;
  }
  const hash = createHash('sha256');
  let kept: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    x.req.on('data', (chunk: Buffer) => {
      x.entry.bodyBytes += chunk.length;
      hash.update(chunk);
      if (x.entry.bodyBytes <= KEEP_BYTES) kept.push(chunk);
      else kept = [];
      const wait = onChunk?.(chunk);
      if (wait !== undefined) {
        x.req.pause();
        wait.then(
          () => x.req.resume(),
          () => reject(new CallerGone()),
        );
      }
    });
    x.req.on('end', resolve);
    const gone = (): void => reject(new CallerGone());
    x.req.on('error', gone);
    x.req.on('close', gone);
  });
  x.entry.bodySha256 = hash.digest('hex');
  return x.entry.bodyBytes > KEEP_BYTES ? EMPTY : Buffer.concat(kept);
}

/** Writes the verdict down, before a byte of the answer leaves: whoever has the answer finds it in the ledger. */
export function settle(
  x: Exchange,
  outcome: Outcome,
  reason: string | null = null,
  status: number | null = null,
): void {
  x.entry.outcome = outcome;
  x.entry.reason = reason;
  x.entry.status = status;
}

/** True when nobody is there to read an answer. */
export function isGone(x: Exchange): boolean {
  return x.res.destroyed || x.res.writableEnded || x.req.socket.destroyed;
}

/** Answers and ends the exchange. */
export function respond(x: Exchange, answer: CustomResponse, outcome: Outcome, reason: string | null = null): void {
  settle(x, outcome, reason, answer.status);
  if (isGone(x)) return;
  const { headers, bytes } = toWire(answer);
  const bare = answer.status === 204 || answer.status === 304;
  const chunked = answer.chunkBytes !== undefined && answer.chunkBytes > 0;
  if (!bare && !chunked && !hasName(headers, 'content-length')) headers['content-length'] = String(bytes.length);
  if (answer.reason === undefined) x.res.writeHead(answer.status, headers);
  else x.res.writeHead(answer.status, answer.reason, headers);
  if (bare) x.res.end();
  else if (chunked) void writePieces(x, bytes, answer.chunkBytes ?? 1, 0);
  else x.res.end(bytes);
}

/** Writes a body piece by piece, each in a packet of its own as far as the kernel allows, then ends. */
export async function writePieces(x: Exchange, bytes: Buffer, size: number, everyMs: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    if (isGone(x)) return;
    await write(x, bytes.subarray(at, at + size));
    // Even without a wait each piece gets a turn of the event loop to leave by itself.
    if (everyMs > 0) await pause(everyMs);
    else await new Promise<void>((resolve) => setImmediate(resolve));
  }
  if (!isGone(x)) x.res.end();
}

/** Writes a piece of the answer's body and waits while the caller is slow to read it. */
export async function write(x: Exchange, piece: Buffer | string): Promise<void> {
  if (!isGone(x) && !x.res.write(piece)) await drained(x);
}

/** Resolves when the caller has read on, or gone away. */
export function drained(x: Exchange): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      x.res.off('drain', done);
      x.res.off('close', done);
      resolve();
    };
    x.res.on('drain', done);
    x.res.on('close', done);
  });
}

/** Destroys the connection with a RST, without a word. */
export function reset(x: Exchange): void {
  x.cutByUs = true;
  x.req.socket.resetAndDestroy();
}

function hasName(headers: Record<string, unknown>, name: string): boolean {
  return Object.keys(headers).some((key) => key.toLowerCase() === name);
}
