import { relative } from 'node:path';
import Mocha from 'mocha';

/**
 * mocha's own report, and behind it which tests failed and were run once more (`retries` in .mocharc.json): such a test
 * passes, and is flaky all the same. `.ci/run` reads the lines.
 */
export default class Reporter extends Mocha.reporters.Spec {
  readonly #retried: string[] = [];

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.on('retry', (test: Mocha.Test) => {
      this.#retried.push(`${test.fullTitle()} (${relative('', test.file ?? '')})`);
    });
  }

  override epilogue(): void {
    super.epilogue();
    const names = this.#retried.map((name) => name.replaceAll(/\s+/g, ' '));
    console.log(`retried: ${names.length}`);
    for (const name of names) console.log(`retried test: ${name}`);
  }
}
