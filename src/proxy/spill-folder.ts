import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { BufferBudget } from './buffer-budget.ts';
import { SealedFile } from './sealed-file.ts';
import { SpillError } from './spill-error.ts';
import type { Spill, SpillOutcome, SpillSpace } from './spill.ts';
import { SpilledBody } from './spilled-body.ts';

/** A folder for spilled bodies, with the limit on all of them together. */
export class SpillFolder implements SpillSpace {
  readonly #path: string;
  readonly #budget: BufferBudget;
  readonly #log: Logger;
  /** The last file could not be written: that has been logged. */
  #failing = false;

  private constructor(path: string, most: number, log: Logger) {
    this.#path = path;
    this.#budget = new BufferBudget(most);
    this.#log = log;
  }

  /** Rejects with a SpillError if no file can be written there. */
  static async open(path: string, most: number, log: Logger): Promise<SpillFolder> {
    try {
      const probe = await SealedFile.create(path);
      await probe.close();
    } catch (error) {
      throw new SpillError(`spill.path ${path} cannot be used (${codeOf(error)}).`);
    }
    return new SpillFolder(path, most, log);
  }

  /** The limit on all bodies together. */
  setMost(most: number): void {
    this.#budget.setLimit(most);
  }

  get usedBytes(): number {
    return this.#budget.used;
  }

  forRoute(route: string, metrics: Metrics): Spill {
    const ended = (outcome: SpillOutcome): void => metrics.spilledBodies.inc({ route, outcome });
    return { keep: (length, open) => new SpilledBody(this, length, open, ended) };
  }

  tryReserve(bytes: number): boolean {
    return this.#budget.tryReserve(bytes);
  }

  release(bytes: number): void {
    this.#budget.release(bytes);
  }

  create(): Promise<SealedFile> {
    return SealedFile.create(this.#path);
  }

  /** Logged when it begins. */
  failed(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#log.warn('request bodies cannot be spilled; they are streamed and not replayed', {
      file: this.#path,
      reason: codeOf(error),
    });
  }

  succeeded(): void {
    this.#failing = false;
  }
}

/** The system's code, which quotes nothing. */
function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : 'unknown error';
}
