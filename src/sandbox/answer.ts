import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** True when a JSON value is an object. */
export function isJsonObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Content coding of an answer's body. */
export type Encoding = 'identity' | 'gzip' | 'br' | 'deflate';

/** An answer put together by hand. Everything in it can be given as JSON, so that the control API can set it too. */
export interface CustomAnswer {
  status: number;
  /** Reason phrase; by default the usual one. */
  reason?: string;
  headers?: Record<string, string | string[]>;
  /** A string is sent as it is; anything else is sent as JSON. */
  body?: Json;
  /** Raw bytes instead of `body`. */
  bodyBase64?: string;
  /** Compresses the body and says so in `content-encoding`. */
  encoding?: Encoding;
  /** Sends the body chunked, in pieces of this many bytes, each one written by itself. */
  chunkBytes?: number;
}

/** The bytes and headers to send for an answer. */
export interface Wire {
  readonly headers: Record<string, string | string[]>;
  readonly bytes: Buffer;
}

const ENCODERS: Record<Encoding, (bytes: Buffer) => Buffer> = {
  identity: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
};

/** Turns an answer into headers and bytes, without its framing. */
export function toWire(answer: CustomAnswer): Wire {
  const given = answer.headers ?? {};
  const names = new Set(Object.keys(given).map((name) => name.toLowerCase()));
  const headers: Record<string, string | string[]> = {};
  let bytes: Buffer;
  if (answer.bodyBase64 !== undefined) {
    bytes = Buffer.from(answer.bodyBase64, 'base64');
  } else if (answer.body === undefined) {
    bytes = Buffer.alloc(0);
  } else if (typeof answer.body === 'string') {
    bytes = Buffer.from(answer.body);
  } else {
    bytes = Buffer.from(JSON.stringify(answer.body));
    if (!names.has('content-type')) headers['content-type'] = 'application/json; charset=utf-8';
  }
  const encoding = answer.encoding ?? 'identity';
  if (encoding !== 'identity') {
    bytes = ENCODERS[encoding](bytes);
    if (!names.has('content-encoding')) headers['content-encoding'] = encoding;
  }
  return { headers: { ...headers, ...given }, bytes };
}
