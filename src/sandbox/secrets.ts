import { randomBytes } from 'node:crypto';

/**
 * How a token looks. `opaque`: 32 letters and digits (softline's sample [seed 001]); `bcrypt`: 60
 * characters with `$`, `/` and `.` (chatapp [found]); `hex`: 64 hex digits (newer chatapp tokens
 * [found]); `jwt`: RS512-looking (twin [seed 000]).
 */
export const SECRET_SHAPES = ['opaque', 'bcrypt', 'hex', 'jwt'] as const;
export type SecretShape = (typeof SECRET_SHAPES)[number];

/** Claims of a JWT-shaped token. */
export type Claims = Readonly<Record<string, unknown>>;

const BASE36 = 'abcdefghijklmnopqrstuvwxyz0123456789';
const BCRYPT64 = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const JWT_HEADER = Buffer.from('{"typ":"JWT","alg":"RS512"}').toString('base64url');
const RS512_SIGNATURE_BYTES = 512;

/** Makes token values: random ones, or with a seed the same ones every time. */
export class SecretMaker {
  #state: number | undefined;

  constructor(seed?: number) {
    this.#state = seed === undefined ? undefined : seed >>> 0;
  }

  /** A number in [0, 1). */
  random(): number {
    return this.#next() / 0x1_0000_0000;
  }

  /** Letters and digits. */
  opaque(length = 32): string {
    return this.#pick(BASE36, length);
  }

  /** Looks like a bcrypt hash. Always holds `$`, `/` and `.`, the characters that careless code trips over. */
  bcrypt(): string {
    return `$2y$10$${this.#pick(BCRYPT64, 25)}/.${this.#pick(BCRYPT64, 26)}`;
  }

  hex(length = 64): string {
    return this.#bytes(Math.ceil(length / 2))
      .toString('hex')
      .slice(0, length);
  }

  /**
   * Looks like a JWT signed with RS512. The signature is random bytes: nobody downstream can or should
   * verify it, and a true RSA signature would cost milliseconds per token. A prefix goes in front of the
   * signature, so that the claims stay readable.
   */
  jwt(claims: Claims, prefix = ''): string {
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${JWT_HEADER}.${payload}.${prefix}${this.#bytes(RS512_SIGNATURE_BYTES).toString('base64url')}`;
  }

  /** A token of the wanted shape, with the prefix where it does no harm. */
  make(shape: SecretShape, prefix: string, claims: Claims): string {
    return shape === 'jwt' ? this.jwt(claims, prefix) : prefix + this[shape]();
  }

  #pick(alphabet: string, length: number): string {
    const bytes = this.#bytes(length);
    let text = '';
    for (const byte of bytes) text += alphabet.charAt(byte % alphabet.length);
    return text;
  }

  #bytes(length: number): Buffer {
    if (this.#state === undefined) return randomBytes(length);
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i += 1) bytes[i] = this.#next() >>> 24;
    return bytes;
  }

  /** Mulberry32: small, well spread, and the same on every platform. */
  #next(): number {
    if (this.#state === undefined) return randomBytes(4).readUInt32LE(0);
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (x ^ (x >>> 14)) >>> 0;
  }
}

/** A time in whole seconds, as claims and answers hold it. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
