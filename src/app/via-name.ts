import { randomBytes } from 'node:crypto';

/** A name for Via that no other tokenward has. */
export function newViaName(): string {
  return `tokenward-${randomBytes(6).toString('hex')}`;
}
