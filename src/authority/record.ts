import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Records } from '../tokens/records.ts';
import { nameOfRecord, RecordError, sharedKey } from '../tokens/store.ts';

/** The stored authority. One for all processes that share the store. */
export interface AuthorityRecord {
  readonly revision: number;
  /** The first authority is 1; each renewal adds 1. */
  readonly generation: number;
  /** As hostName makes them. */
  readonly hosts: readonly string[];
  /** What clients trust, PEM. */
  readonly root: string;
  /** What signs, PEM. */
  readonly issuer: string;
  /** The issuer's key, PEM (PKCS #8). A method, so that nothing that prints the record prints the key. */
  revealKey(): string;
}

/** What is inside the seal, beside its version. */
export interface AuthorityForm {
  readonly hosts: readonly string[];
  readonly root: string;
  readonly issuer: string;
  readonly issuerKey: string;
}

const RECORD_KEY = sharedKey('authority');
const VERSION = 1;

/** Undefined: there is none. Rejects with a RecordError if it cannot be read, which must never count as none. */
export async function readAuthority(records: Records): Promise<AuthorityRecord | undefined> {
  const stored = await records.readShared(RECORD_KEY);
  if (stored === undefined) return undefined;
  const { revision, generation, text } = stored;
  return authorityRecord(revision, generation, parseForm(text));
}

/** The record as it is after it was written. */
export function authorityRecord(
  revision: number,
  generation: number,
  { hosts, root, issuer, issuerKey }: AuthorityForm,
): AuthorityRecord {
  return { revision, generation, hosts, root, issuer, revealKey: () => issuerKey };
}

/** Writes it over the revision `expected` (0 = none yet). False: another process wrote in between. */
export function writeAuthority(
  records: Records,
  expected: number,
  generation: number,
  form: AuthorityForm,
): Promise<boolean> {
  const text = JSON.stringify({ v: VERSION, ...form });
  return records.replaceShared(RECORD_KEY, expected, { generation, text });
}

/** Throws a RecordError that repeats nothing of the content. */
function parseForm(text: string): AuthorityForm {
  let form: (Partial<AuthorityForm> & { readonly v?: unknown }) | null;
  try {
    form = JSON.parse(text) as typeof form;
  } catch {
    throw unusable('holds no JSON');
  }
  const { v, hosts, root, issuer, issuerKey } = form ?? {};
  if (typeof v !== 'number') throw unusable('has no version');
  if (v > VERSION) throw unusable(`was written by a newer tokenward (version ${v}, this one knows ${VERSION})`);
  const isWhole =
    Array.isArray(hosts) &&
    hosts.every((host) => typeof host === 'string') &&
    typeof root === 'string' &&
    typeof issuer === 'string' &&
    typeof issuerKey === 'string';
  if (!isWhole) throw unusable('lacks a field');
  if (!isChain(root, issuer, issuerKey)) throw unusable('holds certificates and a key that do not belong together');
  return { hosts, root, issuer, issuerKey };
}

function isChain(root: string, issuer: string, issuerKey: string): boolean {
  try {
    const [upper, lower] = [new X509Certificate(root), new X509Certificate(issuer)];
    return lower.verify(upper.publicKey) && lower.checkPrivateKey(createPrivateKey(issuerKey));
  } catch {
    return false;
  }
}

function unusable(problem: string): RecordError {
  return new RecordError(`${nameOfRecord(RECORD_KEY)} ${problem}. It was left unchanged.`);
}
