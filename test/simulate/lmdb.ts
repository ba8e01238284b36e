import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** A read transaction of LMDB's binding lasts until it is reset, or about so long. ms. */
const SNAPSHOT_MS = 10;

/** The rows of an LMDB file, which outlive every process. */
export class LmdbDisk {
  readonly rows = new Map<string, string>();
  /** The generations of rows, by their text: a rule looks at each of them after every event. */
  readonly #generations = new Map<string, number>();
  inode = 'first';
  full = false;
  slow = false;

  /** The generation of a record; undefined: there is none. */
  generation(key: string): number | undefined {
    const text = this.rows.get(key);
    if (text === undefined) return undefined;
    let generation = this.#generations.get(text);
    if (generation === undefined) {
      generation = (JSON.parse(text) as { generation: number }).generation;
      this.#generations.set(text, generation);
    }
    return generation;
  }
}

/** One process's way to the file: the part of LMDB's binding that the store uses. */
export class LmdbSimulation {
  readonly #disk: LmdbDisk;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #owner: object;
  #snapshot: { rows: ReadonlyMap<string, string>; until: number } | undefined;
  #writing = false;
  /** Transactions asked for and not made yet. */
  readonly #open = new Set<() => void>();
  reads = 0;

  constructor(disk: LmdbDisk, scheduler: Scheduler, random: Random, owner: object) {
    this.#disk = disk;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#owner = owner;
  }

  get(key: string): string | undefined {
    this.reads += 1;
    return this.#view().get(key);
  }

  putSync(key: string, value: string): void {
    this.#disk.rows.set(key, value);
  }

  removeSync(key: string): void {
    this.#disk.rows.delete(key);
  }

  getKeys({ start, end }: { readonly start: string; readonly end: string }): Iterable<string> {
    return [...this.#view().keys()].filter((key) => key >= start && key < end).sort();
  }

  /** Resolves once the change is on the disk. */
  transaction(change: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const make = (): void => {
        if (!this.#open.delete(make)) return;
        if (this.#disk.full) {
          this.#scheduler.at(1, this.#owner, () => reject(new Error('no space left on device')));
          return;
        }
        this.#writing = true;
        try {
          change();
        } finally {
          this.#writing = false;
        }
        this.#scheduler.at(this.#delay(), this.#owner, resolve);
      };
      this.#open.add(make);
      this.#scheduler.at(this.#delay(), this.#disk, make);
    });
  }

  resetReadTxn(): void {
    this.#snapshot = undefined;
  }

  async close(): Promise<void> {
    this.#open.clear();
  }

  /** Its process is killed: each transaction under way is made, or never. */
  kill(): void {
    for (const make of [...this.#open]) {
      if (this.#random.chance(0.5)) make();
      this.#open.delete(make);
    }
  }

  #view(): ReadonlyMap<string, string> {
    if (this.#writing) return this.#disk.rows;
    if (this.#snapshot === undefined || this.#snapshot.until < this.#scheduler.now)
      this.#snapshot = { rows: new Map(this.#disk.rows), until: this.#scheduler.now + SNAPSHOT_MS };
    return this.#snapshot.rows;
  }

  #delay(): number {
    return 0.5 + this.#random.next() * 4 + (this.#disk.slow ? 1_500 : 0);
  }
}
