import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { StoreError } from './store.ts';

/** Why a sealed record cannot be opened, as the end of a sentence that names it. */
export class SealError extends StoreError {}

const FORMAT = 1;
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;

/** A sealing key: 32 random bytes, and the short public id by which a record names its key. */
export interface SealingKey {
  readonly id: Buffer;
  readonly bytes: Buffer;
}

/**
 * Reads a key of 32 bytes written as 64 hex digits or as base64. Throws a StoreError that does not repeat the text.
 */
export function sealingKey(text: string): SealingKey {
  const trimmed = text.trim();
  const bytes = /^[0-9a-fA-F]{64}$/.test(trimmed) ? Buffer.from(trimmed, 'hex') : Buffer.from(trimmed, 'base64');
  if (bytes.length !== 32)
    throw new StoreError(
      'The store key must be 32 random bytes, as 64 hex digits or base64 (make one with: openssl rand -base64 32).',
    );
  // The id is derived one-way, so that records may name their key in the clear.
  const id = createHash('sha256').update('tokenward key id').update(bytes).digest().subarray(0, KEY_ID_BYTES);
  return { id, bytes };
}

/**
 * AES-256-GCM over records at rest. The first key seals; all keys open. What a record belongs to (account, generation)
 * is additional authenticated data, so that a record moved to another account, or an older one put back, cannot be
 * opened.
 */
export class Seal {
  readonly #keys: readonly SealingKey[];

  constructor(current: SealingKey, retired: readonly SealingKey[] = []) {
    this.#keys = [current, ...retired];
  }

  /** Keys for another purpose, one of each sealing key; the first one is the current one's. All processes agree. */
  keysFor(purpose: string): readonly Buffer[] {
    return this.#keys.map(({ bytes }) => Buffer.from(hkdfSync('sha256', bytes, '', `tokenward ${purpose}`, 32)));
  }

  seal(plain: string, belongsTo: string): Buffer {
    const key = this.#keys[0]!;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce);
    cipher.setAAD(Buffer.from(belongsTo));
    const body = Buffer.concat([cipher.update(Buffer.from(plain)), cipher.final()]);
    return Buffer.concat([Buffer.from([FORMAT]), key.id, nonce, cipher.getAuthTag(), body]);
  }

  /** Throws a SealError that says whether the key is missing or the record damaged; never returns half a record. */
  open(sealed: Buffer, belongsTo: string): string {
    if (sealed.length < HEAD_BYTES) throw new SealError('is damaged: it is too short');
    if (sealed[0] !== FORMAT)
      throw new SealError(`is damaged or of an unknown format (${sealed[0]}), perhaps written by a newer tokenward`);
    let at = 1;
    const take = (length: number): Buffer => sealed.subarray(at, (at += length));
    const id = take(KEY_ID_BYTES);
    const key = this.#keys.find((candidate) => candidate.id.equals(id));
    if (key === undefined) throw new SealError(this.otherKey(sealed));
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, take(NONCE_BYTES));
    decipher.setAuthTag(take(TAG_BYTES));
    decipher.setAAD(Buffer.from(belongsTo));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(at)), decipher.final()]).toString();
    } catch {
      throw new SealError('is damaged or belongs to another account');
    }
  }

  /**
   * For a record sealed with a key that is not configured: which one, and what to do, as the end of a sentence.
   * Undefined: its key is configured, or it does not name one.
   */
  otherKey(sealed: Buffer): string | undefined {
    const id = sealed.subarray(1, 1 + KEY_ID_BYTES);
    if (sealed.length < HEAD_BYTES || sealed[0] !== FORMAT || this.#keys.some((key) => key.id.equals(id)))
      return undefined;
    return (
      `was sealed with another key (id ${id.toString('hex')}); configured: ` +
      `${this.#keys.map((key) => key.id.toString('hex')).join(', ')}. Put that key in store.key or ` +
      'store.retiredKeys'
    );
  }

  /** True if the record is sealed with the current key; otherwise it is to be sealed again. */
  isCurrent(sealed: Buffer): boolean {
    return sealed.subarray(1, 1 + KEY_ID_BYTES).equals(this.#keys[0]!.id);
  }
}
