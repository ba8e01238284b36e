import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** What a compressed reply may grow to while it is looked at. Bytes. */
const MAX_DECODED_BYTES = 256 * 1024;

/** A body without its one content coding; undefined if it cannot be read within bounds. */
export function decodeBody(bytes: Buffer, coding: string | undefined): Buffer | undefined {
  return undefinedIfTooLarge(() => decompress(bytes, coding, MAX_DECODED_BYTES));
}

/** As much of it as the first bytes of a body tell, perhaps nothing; undefined if no more of them would help. */
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
 * A body without its one content coding; undefined if it cannot be read. Throws a RangeError if it has more than `most`
 * bytes.
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
        // Compressed without saying so happens behind careless gateways.
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
        // RFC 9110 §8.4.1.2 means the zlib format; some servers send bare deflate under that name. The first byte
        // tells.
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
