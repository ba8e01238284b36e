/**
 * Stryker gives a test as long as all tests of the mutant need, and then starts the process anew. A test that hangs
 * because of a mutant has failed long before: the slowest test of these runs takes a fifth of a second.
 */
export const mochaHooks = {
  beforeEach(this: Mocha.Context): void {
    this.currentTest?.timeout(5_000);
  },
};
