import { damaged, type StoredRecord } from '../store.ts';

/** The record as LMDB keeps it: JSON, so that a foreign or damaged one is recognised. */
export interface StoredForm {
  revision: number;
  generation: number;
  sealed: string;
}

/** A lease: its owner, and its end in wall-clock ms. */
export interface LeaseForm {
  owner: string;
  until: number;
}

// LMDB's keys may have 1,978 bytes; the configuration limits account names to 100 characters.
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
    // Reported below.
  }
  const { revision, generation, sealed } = form ?? {};
  const isWhole = isCount(revision) && isCount(generation) && typeof sealed === 'string';
  if (!isWhole) throw damaged('record', account, recordKey(account));
  return { revision, generation, sealed: Buffer.from(sealed, 'base64') };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Undefined: there is none, or one that cannot be read, which counts as free. */
export function parseLease(text: string | undefined): LeaseForm | undefined {
  try {
    const { owner, until } = JSON.parse(text ?? '{}') as Partial<LeaseForm>;
    return typeof owner === 'string' && typeof until === 'number' ? { owner, until } : undefined;
  } catch {
    return undefined;
  }
}
