import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** Limit on a decoded response body. Bytes. */
const MAX_DECODED_BYTES = 256 * 1024;

/** Removes the content coding; undefined if that is not possible within the limit. */
export function decodeBody(bytes: Buffer, coding: string | undefined): Buffer | undefined {
  return undefinedIfTooLarge(() => decompress(bytes, coding, MAX_DECODED_BYTES));
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
        return isGzip(bytes) ? gunzipSync(bytes, options) : bytes;
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(bytes, options);
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

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && (bytes.length === 1 || bytes[1] === 0x8b);
}
