import { CannotRun } from './options.ts';

/** Counts what a run decides by, and says at once what is wrong. */
export class Tally {
  /** What was wrong, and with which items: by their first words. */
  readonly #wrong = new Map<string, string[]>();
  readonly #sayMost: number;
  passed = 0;
  failed = 0;

  /** `sayMost`: how often one thing is spelled out before it is only counted. */
  constructor(sayMost = Infinity) {
    this.#sayMost = sayMost;
  }

  /** `wrong`: undefined if it is as it should be. */
  count(what: string, wrong: string | undefined): void {
    if (wrong === undefined) {
      this.passed += 1;
      return;
    }
    this.failed += 1;
    const items = this.#wrong.get(wrong) ?? [];
    this.#wrong.set(wrong, items);
    items.push(what.split(' ', 1)[0]!);
    if (items.length <= this.#sayMost) console.log(`  WRONG  ${what}: ${wrong}`);
  }

  /** Passes when both are equal. */
  equal(what: string, found: unknown, wanted: unknown): void {
    const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
    this.count(what, a === b ? undefined : `${a} instead of ${b}`);
  }

  /** Acts. Whatever it breaks off with is a failure, and the others go on. */
  async attempt(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (error instanceof CannotRun) throw error;
      this.count(what, messageOf(error));
    }
  }

  /** Says the closing line, and before it what was only counted; the exit code. */
  close(name: string): number {
    for (const [wrong, items] of this.#wrong) {
      const more = items.slice(this.#sayMost);
      if (more.length > 0) console.log(`  WRONG  ${more.length} more: ${wrong}: ${[...new Set(more)].join(' ')}`);
    }
    console.log(`${name}: ${this.passed} passed, ${this.failed} failed`);
    return this.failed === 0 && this.passed > 0 ? 0 : 1;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
