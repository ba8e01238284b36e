/** What is fuzzed: a piece of src/ that reads what others write, and what must be true of it for any bytes. */
export interface Target {
  readonly name: string;
  /** The files whose coverage guides the fuzzer: parts of their paths. */
  readonly covers: readonly string[];
  /** Longer inputs are not made, but for runs of one byte that look for quadratic time. Bytes. */
  readonly maxBytes: number;
  /** Lengths of such runs, if they are not the usual ones. */
  readonly runs?: readonly number[];
  /** CPU time that one input may take, if it is not the usual one. ms. */
  readonly maxCpuMs?: number;
  /** Words that mutations insert, besides the texts that stand in the covered files. */
  readonly words: readonly string[];
  /** Throws if a rule is broken. The same bytes must give the same result: whatever it chooses comes from them. */
  run(bytes: Buffer): void | Promise<void>;
}

/** A number of the bytes alone (FNV-1a), from which a target makes its own choices. */
export function hashOf(bytes: Buffer): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** The bytes in two to five pieces, cut where their hash says. */
export function piecesOf(bytes: Buffer): Buffer[] {
  if (bytes.length < 2) return [bytes];
  let state = hashOf(bytes);
  const cuts = new Set<number>();
  for (let left = (state % 4) + 1; left > 0; left -= 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    cuts.add(1 + ((state >>> 8) % (bytes.length - 1)));
  }
  const all = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  return all.slice(1).map((end, index) => bytes.subarray(all[index], end));
}
