import { StoreError, type Debit, type StoredRecord, type TokenStore } from '../../../src/tokens/store.ts';
import type { Timeline } from './timeline.ts';

/** An operation takes so long if nothing hurries it. ms. */
const LATENCY = 2;
const LATE = 300;

/** What is durable, and outlives every process. */
export class Disk {
  record: StoredRecord | undefined;
  lease: { owner: string; until: number } | undefined;
  debits: number[] = [];
  /** Every record ever written, so that a check can look at what changed. */
  onReplace: (before: StoredRecord | undefined, after: StoredRecord) => void = () => undefined;
}

interface Operation {
  readonly write: boolean;
  apply(): void;
}

/** One process's way to the disk: each operation takes effect, and is answered, when the script or the time says so. */
export class StoreLine implements TokenStore {
  readonly #disk: Disk;
  readonly #time: Timeline;
  readonly #owner: object;
  /** Asked for and not answered yet: at a crash these are what may or may not have happened. */
  readonly #open = new Map<object, Operation>();
  down = false;
  /** The next write happens, and is then reported as failed. */
  lies = false;

  constructor(disk: Disk, time: Timeline, owner: object) {
    this.#disk = disk;
    this.#time = time;
    this.#owner = owner;
  }

  /**
   * Its process dies. Of each write it had asked for, `fate` says whether it is lost, has happened, or arrives late.
   */
  crash(fate: () => 'lost' | 'happened' | 'late'): void {
    for (const { write, apply } of this.#open.values()) {
      if (!write || this.down) continue;
      const what = fate();
      if (what === 'happened') apply();
      else if (what === 'late') this.#time.add(this.#disk, 'store', LATE, apply);
    }
    this.#open.clear();
  }

  read(): Promise<StoredRecord | undefined> {
    return this.#do(false, () => this.#disk.record);
  }

  replace(_account: string, expected: number, next: StoredRecord): Promise<boolean> {
    return this.#do(true, () => {
      const disk = this.#disk;
      const before = disk.record;
      if ((before?.revision ?? 0) !== expected || (before?.generation ?? 0) > next.generation) return false;
      disk.record = next;
      disk.onReplace(before, next);
      return true;
    });
  }

  acquireLease(_account: string, owner: string, ttl: number): Promise<boolean> {
    return this.#do(true, () => {
      const disk = this.#disk;
      const now = this.#time.wall();
      if (
        disk.lease !== undefined &&
        disk.lease.owner !== owner &&
        disk.lease.until > now &&
        disk.lease.until <= now + 2 * ttl
      )
        return false;
      disk.lease = { owner, until: now + ttl };
      return true;
    });
  }

  releaseLease(_account: string, owner: string): Promise<void> {
    return this.#do(true, () => {
      if (this.#disk.lease?.owner === owner) this.#disk.lease = undefined;
    });
  }

  remove(): Promise<void> {
    return this.#do(true, () => {
      this.#disk.record = undefined;
      this.#disk.lease = undefined;
    });
  }

  debit(_budget: string, now: number, window: number, limit: number, known: readonly number[] = []): Promise<Debit> {
    return this.#do(true, () => {
      const entries = this.#counting(now, window, known);
      const granted = entries.length < limit;
      let at = now;
      if (granted) {
        while (this.#disk.debits.includes(at)) at += 1;
        this.#disk.debits.push(at);
        entries.push(at);
      }
      return { granted, at, entries: entries.sort((a, b) => a - b) };
    });
  }

  used(_budget: string, now: number, window: number, known: readonly number[] = []): Promise<readonly number[]> {
    return this.#do(known.length > 0, () => this.#counting(now, window, known));
  }

  takeBack(_budget: string, at: number): Promise<void> {
    return this.#do(true, () => {
      const index = this.#disk.debits.indexOf(at);
      if (index >= 0) this.#disk.debits.splice(index, 1);
    });
  }

  #counting(now: number, window: number, known: readonly number[]): number[] {
    this.#disk.debits.push(...known.filter((at) => !this.#disk.debits.includes(at)));
    return this.#disk.debits.filter((at) => at > now - window).sort((a, b) => a - b);
  }

  async accounts(): Promise<string[]> {
    return [];
  }

  async budgets(): Promise<{ budget: string; entries: readonly number[] }[]> {
    return [];
  }

  async leased(): Promise<string[]> {
    return [];
  }

  async removeBudget(): Promise<void> {
    // Nothing here prunes.
  }

  async restoreBudget(): Promise<void> {
    // Nothing here moves budgets.
  }

  check(): Promise<void> {
    return this.#do(false, () => undefined);
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  /** Two moments: it takes effect, and then the process hears of it. */
  #do<T>(write: boolean, action: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const key = {};
      this.#open.set(key, { write, apply: () => void action() });
      // The first moment is the disk's: it comes even if the process is stopped.
      this.#time.add(this.#disk, 'store', LATENCY, () => {
        if (!this.#open.delete(key)) return;
        const { down } = this;
        const lie = write && !down && this.lies;
        if (lie) this.lies = false;
        const result = down ? undefined : action();
        this.#time.add(this.#owner, 'store', LATENCY, () => {
          if (down || lie) reject(new StoreError('made to fail'));
          else resolve(result as T);
        });
      });
    });
  }
}
