import { randomBytes } from 'node:crypto';

type Claims = Readonly<Record<string, unknown>>;

const BASE36 = 'abcdefghijklmnopqrstuvwxyz0123456789';
const BCRYPT64 = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const JWT_HEADER = Buffer.from('{"typ":"JWT","alg":"RS512"}').toString('base64url');

/** How a token looks, with the prefix where it does no harm. */
const SHAPES = {
  /** 32 letters and digits: softline's sample [seed 001]. */
  opaque: (prefix) => prefix + random(BASE36, 32),
  /** chatapp [found]. Always holds `$`, `/` and `.`, the characters that careless code trips over. */
  bcrypt: (prefix) => `${prefix}$2y$10$${random(BCRYPT64, 25)}/.${random(BCRYPT64, 26)}`,
  /** Newer chatapp tokens [found]. */
  hex: (prefix) => prefix + randomHex(64),
  /**
   * Looks like a JWT signed with RS512 (twin [seed 000]). The signature is random bytes: nobody downstream can or
   * should verify it, and a true one would cost milliseconds per token. The prefix is in front of the signature, so
   * that the claims stay readable.
   */
  jwt: (prefix, claims) => {
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${JWT_HEADER}.${payload}.${prefix}${randomBytes(512).toString('base64url')}`;
  },
} satisfies Record<string, (prefix: string, claims: Claims) => string>;

type SecretShape = keyof typeof SHAPES;

/** The looks there are. */
export const SECRET_SHAPES = Object.keys(SHAPES) as SecretShape[];

/** Makes a token. A claim that is undefined is left out. */
export function makeSecret(look: { tokenShape: SecretShape; tokenPrefix: string }, claims: Claims): string {
  return SHAPES[look.tokenShape](look.tokenPrefix, claims);
}

/** Hex digits. */
export function randomHex(length: number): string {
  return random('0123456789abcdef', length);
}

function random(alphabet: string, length: number): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('');
}

/** A time in whole seconds, as claims and responses hold it. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
