import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `corpus`: inputs that reach something. `found`: inputs that broke a rule, which must not happen again. */
export type Kind = 'corpus' | 'found';

/** Inputs of one target's corpus in the tree: enough to begin with, and few enough to replay with every test run. */
export const MAX_STORED = 45;
/** Longer ones are not stored. Bytes. */
export const MAX_STORED_BYTES = 4_096;

export interface StoredInput {
  readonly file: string;
  readonly bytes: Buffer;
}

/** The folder of a target's inputs. */
export function folderOf(kind: Kind, target: string): string {
  return fileURLToPath(new URL(`../${kind}/${target}`, import.meta.url));
}

/** A target's inputs in the tree. */
export function storedInputs(kind: Kind, target: string): StoredInput[] {
  const folder = folderOf(kind, target);
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch {
    return [];
  }
  return names.map((name) => ({ file: join(folder, name), bytes: readFileSync(join(folder, name)) }));
}

/** Stores an input under the hash of its bytes, or a name of its own; the path of the file. */
export function storeInput(kind: Kind, target: string, bytes: Buffer, name?: string): string {
  const folder = folderOf(kind, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name ?? createHash('sha256').update(bytes).digest('hex').slice(0, 12));
  writeFileSync(file, bytes);
  return file;
}
