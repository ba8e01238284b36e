import { createHash, createHmac } from 'node:crypto';
import { z } from 'zod';

/*
 * Hashes, HMACs and how they are written: what signatures of requests and computed values have in common.
 */

/** SHA-1 and MD5 are here because APIs demand them. */
export const hashName = z.enum(['sha256', 'sha1', 'sha384', 'sha512', 'md5']);
export type HashName = z.infer<typeof hashName>;

export const encodingName = z
  .enum(['hex', 'hexUpper', 'base64', 'base64url', 'hexBase64'])
  .describe('hexBase64: base64 of the hex text, as PHP makes it with base64_encode(hash_hmac(…)).');
export type EncodingName = z.infer<typeof encodingName>;

export const keyEncodingName = z.enum(['utf8', 'base64', 'hex']).describe('How the key is written.');
export type KeyEncodingName = z.infer<typeof keyEncodingName>;

export function hashOf(hash: HashName, content: string | Buffer): Buffer {
  return createHash(hash).update(content).digest();
}

export function hmacOf(hash: HashName, key: Buffer, content: string | Buffer): Buffer {
  return createHmac(hash, key).update(content).digest();
}

export function encoded(bytes: Buffer, encoding: EncodingName): string {
  switch (encoding) {
    case 'hexUpper':
      return bytes.toString('hex').toUpperCase();
    case 'hexBase64':
      return Buffer.from(bytes.toString('hex')).toString('base64');
    default:
      return bytes.toString(encoding);
  }
}

/** The bytes of a key. Undefined: it is not written in this encoding; Node would leave out what it cannot read. */
export function keyBytes(text: string, encoding: KeyEncodingName): Buffer | undefined {
  if (encoding === 'base64' && !/^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2,3}={0,2})?$/.test(text)) return undefined;
  if (encoding === 'hex' && !/^(?:[0-9A-Fa-f]{2})*$/.test(text)) return undefined;
  return Buffer.from(text, encoding);
}
