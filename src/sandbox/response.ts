import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Json } from './json.ts';

/** The content type of JSON. */
export const JSON_TYPE = 'application/json; charset=utf-8';

const ENCODERS = {
  identity: (bytes: Buffer) => bytes,
  gzip: (bytes: Buffer) => gzipSync(bytes),
  br: (bytes: Buffer) => brotliCompressSync(bytes),
  deflate: (bytes: Buffer) => deflateSync(bytes),
};

/** A status that a response may have. */
export const statusSchema = z.int().min(200).max(999);

/** A response put together by hand. All of it can be given as JSON, so that the control API can set it too. */
export const customResponseSchema = z.strictObject({
  status: statusSchema,
  /** Reason phrase; by default the usual one. */
  reason: z.string().optional(),
  headers: z.record(z.string(), z.custom<string | string[]>()).optional(),
  /** A string is sent as it is; anything else is sent as JSON. */
  body: z.custom<Json>().optional(),
  /** Raw bytes instead of `body`. */
  bodyBase64: z.string().optional(),
  /** Compresses the body and says so in `content-encoding`. */
  encoding: z.enum(Object.keys(ENCODERS) as (keyof typeof ENCODERS)[]).optional(),
  /** Sends the body chunked, in pieces of this many bytes, each one written by itself. */
  chunkBytes: z.number().optional(),
});

/** A response put together by hand. */
export type CustomResponse = z.infer<typeof customResponseSchema>;

/** Turns a response into header fields and bytes. A field given by hand is never overruled. */
export function toWire(response: CustomResponse): { headers: Record<string, string | string[]>; bytes: Buffer } {
  const { status, encoding = 'identity', headers = {}, chunkBytes = 0 } = response;
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const unlessGiven = (name: string, value: string) => (given.has(name) ? {} : { [name]: value });
  const content = contentOf(response);
  // RFC 9110 §15.3.5, §15.4.5: these have no content.
  const isBare = status === 204 || status === 304;
  const bytes = isBare ? Buffer.alloc(0) : ENCODERS[encoding](content.bytes);
  return {
    headers: {
      ...(content.isJson ? unlessGiven('content-type', JSON_TYPE) : {}),
      ...(encoding === 'identity' ? {} : unlessGiven('content-encoding', encoding)),
      ...headers,
      ...(isBare || chunkBytes > 0 ? {} : unlessGiven('content-length', String(bytes.length))),
    },
    bytes,
  };
}

function contentOf({ body, bodyBase64 }: CustomResponse): { bytes: Buffer; isJson: boolean } {
  if (bodyBase64 !== undefined) return { bytes: Buffer.from(bodyBase64, 'base64'), isJson: false };
  if (typeof body === 'string' || body === undefined) return { bytes: Buffer.from(body ?? ''), isJson: false };
  return { bytes: Buffer.from(JSON.stringify(body)), isJson: true };
}
