import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { z } from 'zod';

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** True when a JSON value is an object. */
export function isJsonObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const ENCODERS = {
  identity: (bytes: Buffer) => bytes,
  gzip: (bytes: Buffer) => gzipSync(bytes),
  br: (bytes: Buffer) => brotliCompressSync(bytes),
  deflate: (bytes: Buffer) => deflateSync(bytes),
};

/** Content coding of an answer's body. */
export type Encoding = keyof typeof ENCODERS;

/** The content codings there are. */
export const ENCODINGS = Object.keys(ENCODERS) as Encoding[];

/** A status that can be answered. */
export const statusSchema = z.int().min(200).max(999);

/** An answer put together by hand. Everything in it can be given as JSON, so that the control API can set it too. */
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
  encoding: z.enum(ENCODINGS).optional(),
  /** Sends the body chunked, in pieces of this many bytes, each one written by itself. */
  chunkBytes: z.number().optional(),
});

/** An answer put together by hand. */
export type CustomResponse = z.infer<typeof customResponseSchema>;

/** The bytes and headers to send for an answer. */
export interface Wire {
  readonly headers: Record<string, string | string[]>;
  readonly bytes: Buffer;
}

/** Turns an answer into headers and bytes, without its framing. A header given by hand is never overruled. */
export function toWire(answer: CustomResponse): Wire {
  const { body, bodyBase64, encoding = 'identity', headers: given = {} } = answer;
  const names = new Set(Object.keys(given).map((name) => name.toLowerCase()));
  const headers: Wire['headers'] = {};
  const isJson = bodyBase64 === undefined && body !== undefined && typeof body !== 'string';
  if (isJson && !names.has('content-type')) headers['content-type'] = 'application/json; charset=utf-8';
  if (encoding !== 'identity' && !names.has('content-encoding')) headers['content-encoding'] = encoding;
  return { headers: { ...headers, ...given }, bytes: ENCODERS[encoding](bytesOf(body, bodyBase64)) };
}

function bytesOf(body: Json | undefined, base64: string | undefined): Buffer {
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  if (body === undefined) return Buffer.alloc(0);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
