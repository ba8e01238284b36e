import type { Random } from '../../harness/random.ts';

/** Bytes on which readers of text decide. */
const TELLING = Buffer.from('\r\n\0\t :;,/\\.%?#{}[]"\'-_*&|>0159azAZ\x7f\x80\xa0\xc0\xff', 'latin1');
const NUMBERS = [
  '0',
  '1',
  '-1',
  '255',
  '256',
  '4096',
  '65536',
  '2147483648',
  '9007199254740993',
  '1e309',
  '00',
  '0x10',
];
/** One mutation in so many makes a run of one byte that is long enough for quadratic time to show. */
const SWELL_EVERY = 80;
/** How many changes are made to one input at most. */
const MAX_CHANGES = 6;

/** Makes inputs from others. */
export class Mutator {
  readonly #random: Random;
  readonly #maxBytes: number;
  readonly #runs: readonly number[];
  readonly #words: readonly Buffer[];

  /** `maxBytes`: of an input without a run; `runs`: lengths of runs. */
  constructor(random: Random, maxBytes: number, runs: readonly number[], words: readonly string[]) {
    this.#random = random;
    this.#maxBytes = maxBytes;
    this.#runs = runs;
    this.#words = words.map((word) => Buffer.from(word, 'latin1'));
  }

  /** A changed input. `other`: one to take parts from. */
  mutate(bytes: Buffer, other: Buffer): Buffer {
    if (this.#below(SWELL_EVERY) === 0) return this.#swell(bytes);
    let changed = bytes;
    // Mostly few changes: each further one is half as likely.
    for (let left = MAX_CHANGES; left > 0; left -= 1) {
      changed = this.#change(changed, other);
      if (this.#random.next() < 0.5) break;
    }
    return changed.length <= this.#maxBytes ? changed : changed.subarray(0, this.#maxBytes);
  }

  #below(most: number): number {
    return Math.floor(this.#random.next() * most);
  }

  /** A place, and behind it one, both in the bytes; short distances are likelier. */
  #range(bytes: Buffer): readonly [from: number, to: number] {
    const from = this.#below(bytes.length + 1);
    const most = Math.min(bytes.length - from, this.#random.next() < 0.8 ? 16 : bytes.length);
    return [from, from + this.#below(most + 1)];
  }

  #change(bytes: Buffer, other: Buffer): Buffer {
    const [from, to] = this.#range(bytes);
    switch (this.#below(12)) {
      case 0:
        return replaced(bytes, from, from + 1, Buffer.of(this.#below(256)));
      case 1:
        return replaced(bytes, from, from + 1, this.#telling());
      case 2:
        return replaced(bytes, from, from, this.#telling());
      case 3: {
        const flipped = Buffer.from(bytes);
        if (from < flipped.length) flipped[from] = flipped[from]! ^ (1 << this.#below(8));
        return flipped;
      }
      case 4:
        return replaced(bytes, from, to, Buffer.alloc(0));
      case 5:
        return replaced(bytes, from, from, bytes.subarray(from, to));
      case 6: {
        const at = this.#below(bytes.length + 1);
        return replaced(bytes, at, at, bytes.subarray(from, to));
      }
      case 7:
      case 8:
        return this.#words.length === 0 ? bytes : replaced(bytes, from, from, this.#random.pick(this.#words));
      case 9:
        return this.#words.length === 0 ? bytes : replaced(bytes, from, to, this.#random.pick(this.#words));
      case 10:
        return this.#number(bytes);
      default: {
        const [start, end] = this.#range(other);
        return this.#random.next() < 0.3
          ? Buffer.concat([bytes.subarray(0, from), other.subarray(start)])
          : replaced(bytes, from, to, other.subarray(start, end));
      }
    }
  }

  #telling(): Buffer {
    return Buffer.of(TELLING[this.#below(TELLING.length)]!);
  }

  /** Replaces a number in the text. */
  #number(bytes: Buffer): Buffer {
    const all = [...bytes.toString('latin1').matchAll(/\d+/g)];
    if (all.length === 0) return bytes;
    const { index, 0: digits } = this.#random.pick(all);
    const value = Number(digits);
    const number = this.#random.pick([...NUMBERS, String(value + 1), String(value - 1), `${digits}${digits}`]);
    return replaced(bytes, index, index + digits.length, Buffer.from(number));
  }

  /** Repeats a byte, or a few, very often. Behind the run: the rest, another byte and the rest, or only that byte. */
  #swell(bytes: Buffer): Buffer {
    const [from, most] = this.#range(bytes);
    const to = Math.min(most, from + this.#below(4) + 1);
    const unit = to === from || this.#random.next() < 0.3 ? this.#telling() : bytes.subarray(from, to);
    const length = this.#random.pick(this.#runs);
    const run = Buffer.alloc(length - (length % unit.length), unit);
    const rest = bytes.subarray(to);
    const end = this.#random.pick([rest, Buffer.concat([this.#telling(), rest]), this.#telling()]);
    return Buffer.concat([bytes.subarray(0, from), run, end]);
  }
}

function replaced(bytes: Buffer, from: number, to: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]);
}
