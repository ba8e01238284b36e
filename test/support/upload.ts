import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request, type Agent, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { patternBytes } from '../../src/sandbox/helper-paths.ts';
import type { Answer } from './call.ts';

/**
 * Sends a body in pieces, with a length or (`length: false`) chunked. Resolves with the answer, even if that comes
 * before all is sent.
 */
export async function upload(
  base: string,
  target: string,
  pieces: Iterable<Buffer> | AsyncIterable<Buffer>,
  options: { method?: string; headers?: OutgoingHttpHeaders; length?: number | false; agent?: Agent } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(base);
  const outgoing = request({
    host: hostname,
    port,
    path: target,
    method: options.method ?? 'POST',
    agent: options.agent ?? false,
    headers: {
      ...options.headers,
      ...(typeof options.length === 'number'
        ? { 'content-length': options.length }
        : { 'transfer-encoding': 'chunked' }),
    },
  });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  // An answer may come, and the connection end, while the body is still on its way: that is for the caller to judge.
  const sent = pipeline(Readable.from(pieces), outgoing).catch(() => undefined);
  const [incoming] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  await Promise.race([sent, once(incoming, 'close')]);
  const body = Buffer.concat(chunks);
  const text = body.toString('utf8');
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    body,
    text,
    json: () => JSON.parse(text) as unknown,
  };
}

/** `length` bytes in pieces; byte i is i mod 251, as the sandbox's own. */
export function* pieces(length: number, size = 64 * 1024): Generator<Buffer> {
  // Every piece starts at a multiple of 251 times its number, so that the pattern runs on.
  const step = size - (size % 251);
  const whole = patternBytes(step);
  for (let at = 0; at < length; at += step) yield at + step <= length ? whole : patternBytes(length - at);
}

/** The digest of such a body. */
export function patternSha256(length: number): string {
  const hash = createHash('sha256');
  for (const piece of pieces(length)) hash.update(piece);
  return hash.digest('hex');
}
