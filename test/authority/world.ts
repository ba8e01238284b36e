import { systemClock, type Clock } from '../../src/tokens/clock.ts';
import { Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import type { TokenStore } from '../../src/tokens/store.ts';
import { Authorities } from '../../src/authority/authorities.ts';
import { readAuthority } from '../../src/authority/record.ts';
import { signerOf, type Signer } from '../../src/authority/sign.ts';
import { MemoryStore } from '../support/memory-store.ts';

export const STORE_KEY = Buffer.alloc(32, 7).toString('base64');

/** The records of a store as a process with the tests' key sees them. */
export function recordsOf(store: TokenStore, clock: Clock = systemClock): Records {
  return new Records(store, new Seal(sealingKey(STORE_KEY)), clock);
}

/** A store of its own with the authorities in it. */
export function freshAuthorities(clock: Clock = systemClock): { authorities: Authorities; records: Records } {
  const records = recordsOf(new MemoryStore(), clock);
  return { authorities: new Authorities(records, clock), records };
}

/** What a thief of the stored authority could sign with. */
export async function stolenSigner(records: Records): Promise<Signer> {
  const record = await readAuthority(records);
  return signerOf(record!.issuer, record!.revealKey());
}
