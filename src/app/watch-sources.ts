import { stat } from 'node:fs/promises';
import { stampOf } from '../config/source.ts';

/** How often the files are looked at. ms. */
const CHECK_INTERVAL_MS = 1_000;

/**
 * Watches what a configuration was read from. It looks at the files, because a watch on a file misses what replaces it:
 * an editor's rename, or Kubernetes' swap of the link `..data`. A change counts once two looks in a row have seen the
 * same: half a file must not be read.
 */
export class SourceWatch {
  readonly #onChange: () => void;
  readonly #intervalMs: number;
  /** By path: its stamp before it was read last. */
  #read: ReadonlyMap<string, string> = new Map();
  #seen = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(onChange: () => void, intervalMs = CHECK_INTERVAL_MS) {
    this.#onChange = onChange;
    this.#intervalMs = intervalMs;
  }

  /** Watches these paths from now on, which had these stamps before they were read. None: nothing is watched. */
  watch(stamps: ReadonlyMap<string, string>): void {
    this.stop();
    this.#read = stamps;
    this.#seen = '';
    if (stamps.size > 0) this.#schedule(stamps);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(stamps: ReadonlyMap<string, string>): void {
    this.#timer = setTimeout(() => void this.#check(stamps), this.#intervalMs).unref();
  }

  async #check(stamps: ReadonlyMap<string, string>): Promise<void> {
    let present = '';
    // One after the other: there may be many, and there is time.
    for (const path of stamps.keys())
      present += `${stampOf(await stat(path, { bigint: true }).catch(() => undefined))}\n`;
    // Watched no more, or with other paths.
    if (this.#read !== stamps || this.#timer === undefined) return;
    const isSettled = present === this.#seen;
    this.#seen = present;
    const hasChanged = present !== [...stamps.values()].map((stamp) => `${stamp}\n`).join('');
    // `watch` is called again when that has been read.
    if (isSettled && hasChanged) this.#onChange();
    else this.#schedule(stamps);
  }
}
