/** Counts what a run decides by, and says at once what is wrong. */
export class Tally {
  passed = 0;
  failed = 0;

  /** `wrong`: undefined if it is as it should be. */
  count(what: string, wrong: string | undefined): void {
    if (wrong === undefined) {
      this.passed += 1;
      return;
    }
    this.failed += 1;
    console.log(`  WRONG  ${what}: ${wrong}`);
  }

  /** Passes when both are equal. */
  equal(what: string, found: unknown, wanted: unknown): void {
    const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
    this.count(what, a === b ? undefined : `${a} instead of ${b}`);
  }
}
