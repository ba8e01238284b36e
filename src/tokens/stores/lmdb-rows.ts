import { damaged, type StoredRecord } from '../store.ts';

/** The record as LMDB keeps it: JSON, so that a foreign or torn one is recognised before it is trusted. */
export interface StoredForm {
  revision: number;
  generation: number;
  sealed: string;
}

/** Who may renew, and until when by the wall clock, ms. */
export interface LeaseForm {
  owner: string;
  until: number;
}

// LMDB keys end at 1,978 bytes; account names are limited to 200 by the configuration.
export const recordKey = (account: string): string => `record/${account}`;
export const leaseKey = (account: string): string => `lease/${account}`;
export const budgetKey = (budget: string): string => `budget/${budget}`;
export const notesKey = (budget: string): string => `budget-notes/${budget}`;

/** Throws a RecordError on a record that cannot be read. */
export function parseRecord(text: string, account: string): StoredRecord {
  let form: Partial<StoredForm> | null = null;
  try {
    form = JSON.parse(text) as Partial<StoredForm> | null;
  } catch {
    // Said below.
  }
  const { revision, generation, sealed } = form ?? {};
  const isWhole = isCount(revision) && isCount(generation) && typeof sealed === 'string';
  if (!isWhole) throw damaged('record', account, recordKey(account));
  return { revision, generation, sealed: Buffer.from(sealed, 'base64') };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Undefined: there is none, or one that nobody can read, which nobody can hold either. */
export function parseLease(text: string | undefined): LeaseForm | undefined {
  try {
    const { owner, until } = JSON.parse(text ?? '{}') as Partial<LeaseForm>;
    return typeof owner === 'string' && typeof until === 'number' ? { owner, until } : undefined;
  } catch {
    return undefined;
  }
}
