import { randomBytes } from 'node:crypto';

/** A name for Via that is unique to this tokenward. */
export function newViaName(): string {
  return `tokenward-${randomBytes(6).toString('hex')}`;
}
