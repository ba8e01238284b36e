import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/*
 * A token endpoint is asked for plain JSON in UTF-8. Some send it compressed all the same, or in UTF-16.
 */

/** The body without its one content coding; undefined if it cannot be read. Throws a RangeError if it has more than `most` bytes. */
export function withoutCoding(bytes: Buffer, coding: string | undefined, most: number): Buffer | undefined {
  if (bytes.length === 0) return bytes;
  const options = { maxOutputLength: most };
  try {
    switch (coding?.trim().toLowerCase() ?? '') {
      case '':
      case 'identity':
      case 'gzip':
      case 'x-gzip':
        // Compressed without saying so, and unpacked under its old label, happen behind careless gateways.
        return isGzip(bytes) ? gunzipSync(bytes, options) : bytes;
      case 'br':
        return brotliDecompressSync(bytes, options);
      case 'deflate':
        // RFC 9110 §8.4.1.2 means the zlib format; some servers send bare deflate under that name. The first byte tells.
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
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The text of a body. UTF-8, with or without a mark; UTF-16, which is not JSON by RFC 8259, can be told by its mark, or
 * by the zeros in its first two characters, which in JSON are ASCII.
 */
export function textOf(bytes: Buffer): string {
  const [a, b, c, d] = bytes;
  if ((a === 0xff && b === 0xfe) || (a !== 0 && b === 0 && c !== 0 && d === 0)) return new TextDecoder('utf-16le').decode(bytes);
  if ((a === 0xfe && b === 0xff) || (a === 0 && b !== 0 && c === 0 && d !== 0)) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes);
}
