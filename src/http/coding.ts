import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** Limit on a decoded response body. Bytes. */
const MAX_DECODED_BYTES = 256 * 1024;

/** Deflate makes at most so many bytes of one. */
const MAX_DEFLATE_RATIO = 1_032;
/** A gzip member without content. Bytes. */
const MIN_GZIP_BYTES = 18;

/** Removes the content coding; undefined if that is not possible, or if the result exceeds `maxBytes`. */
export function decodeBody(
  bytes: Buffer,
  coding: string | undefined,
  maxBytes = MAX_DECODED_BYTES,
): Buffer | undefined {
  return undefinedIfTooLarge(() => decompress(bytes, coding, maxBytes));
}

/** Decodes as much of a body as its first bytes allow, perhaps nothing; undefined if more bytes would not help. */
export function decodeBodyStart(bytes: Buffer, coding: string | undefined): Buffer | undefined {
  return undefinedIfTooLarge(() =>
    decompress(bytes, coding, MAX_DECODED_BYTES, { finishFlush: constants.Z_SYNC_FLUSH }),
  );
}

function undefinedIfTooLarge(decode: () => Buffer | undefined): Buffer | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Removes the content coding; undefined if that is not possible. Throws a RangeError if the result exceeds `maxBytes`.
 */
export function decompress(
  bytes: Buffer,
  coding: string | undefined,
  maxBytes: number,
  zlibOptions: { finishFlush?: number } = {},
): Buffer | undefined {
  if (bytes.length === 0) return bytes;
  const options = { ...zlibOptions, maxOutputLength: maxBytes };
  try {
    switch (coding?.trim().toLowerCase() ?? '') {
      case '':
      case 'identity':
        // Some gateways compress without Content-Encoding.
        return isGzip(bytes) ? gunzip(bytes, options) : bytes;
      case 'gzip':
      case 'x-gzip':
        return gunzip(bytes, options);
      case 'br':
        return brotliDecompressSync(bytes, {
          ...options,
          ...(zlibOptions.finishFlush !== undefined && { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
        });
      case 'deflate':
        // RFC 9110 §8.4.1.2 means the zlib format. Some servers send raw deflate under that name; the first byte tells
        // which.
        return (bytes[0]! & 0x0f) === 8 ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
      default:
        return undefined;
    }
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return undefined;
  }
}

/** Throws a RangeError if the result exceeds the limit: before anything is unpacked, if the body itself says so. */
function gunzip(bytes: Buffer, options: { finishFlush?: number; maxOutputLength: number }): Buffer {
  // The beginning of a body does not end with its size.
  if (options.finishFlush === undefined && declaredBytes(bytes) > options.maxOutputLength)
    throw new RangeError('unpacks to more than the limit');
  return gunzipSync(bytes, options);
}

/** The size that the last gzip member states (RFC 1952 §2.3.1, ISIZE). 0: it states none that can be true. Bytes. */
function declaredBytes(bytes: Buffer): number {
  if (bytes.length < MIN_GZIP_BYTES || !isGzip(bytes)) return 0;
  const size = bytes.readUInt32LE(bytes.length - 4);
  // Something may follow the last member, which decoders ignore.
  return size <= MAX_DEFLATE_RATIO * bytes.length ? size : 0;
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && (bytes.length === 1 || bytes[1] === 0x8b);
}
