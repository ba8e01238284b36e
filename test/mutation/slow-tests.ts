import { readFileSync, writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import { REAL_TIME, REDIS, testsIn } from './tests-in.ts';

/**
 * One test in four takes nine tenths of the time, because it waits for a real deadline. Such tests would run for most
 * mutants, and hardly ever notice one that no other test does. Others need the test before them, and here a test runs
 * without it if only the test covers a mutant. slow-tests.json lists both, by folder.
 */
const LISTS = new URL('./slow-tests.json', import.meta.url);
/** How long a test of a folder may take with its hooks, in ms. */
const LIMITS: Readonly<Record<string, number>> = { 'test/tokens': 100, 'test/http': 200, 'test/proxy': 150 };

/** A pattern of all titles but those that are listed. */
export function butSlowTests(): string {
  const lists = JSON.parse(readFileSync(LISTS, 'utf8')) as Record<string, string[]>;
  return `^(?!(?:${Object.values(lists).flat().map(escape).join('|')})$)`;
}

/** Writes the list anew, from one run of all tests and one of each quick test alone. */
export async function measure(): Promise<void> {
  const lists: Record<string, string[]> = {};
  for (const [folder, limit] of Object.entries(LIMITS)) {
    const mocha = new Mocha({ timeout: 20_000, reporter: Mocha.reporters.Base });
    mocha.cleanReferencesAfterRun(false);
    for (const file of testsIn(folder, REDIS, REAL_TIME)) mocha.addFile(file);
    await mocha.loadFilesAsync();
    const listed: string[] = [];
    for (const [title, took] of await timesOf(mocha)) {
      const isQuick = took <= limit;
      if (isQuick && (await passesAlone(mocha, title))) continue;
      console.log(isQuick ? `does not pass alone: ${title}` : `${took.toFixed(0)} ms: ${title}`);
      listed.push(title);
    }
    lists[folder] = listed.sort();
  }
  writeFileSync(LISTS, `${JSON.stringify(lists, undefined, 2)}\n`);
}

/** How long each test takes with the hooks that it would need alone, in ms. */
async function timesOf(mocha: Mocha): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  const hooks = new Map<Mocha.Suite, number>();
  const { runner, failures } = run(mocha);
  let began = 0;
  runner.on('hook', () => (began = performance.now()));
  runner.on('hook end', ({ title, parent, ctx }: Mocha.Hook) => {
    const took = performance.now() - began;
    const test = ctx?.currentTest?.fullTitle();
    if (title.startsWith('"before all"')) hooks.set(parent!, (hooks.get(parent!) ?? 0) + took);
    else if (test !== undefined) times.set(test, (times.get(test) ?? 0) + took);
  });
  runner.on('test end', (test: Mocha.Test) => {
    let took = test.duration ?? 0;
    for (let suite = test.parent; suite !== undefined; suite = suite.parent) took += hooks.get(suite) ?? 0;
    times.set(test.fullTitle(), (times.get(test.fullTitle()) ?? 0) + took);
  });
  await failures;
  return times;
}

/** In the same process, as Stryker runs it. */
async function passesAlone(mocha: Mocha, title: string): Promise<boolean> {
  mocha.grep(new RegExp(`^${escape(title)}$`));
  return (await run(mocha).failures) === 0;
}

function run(mocha: Mocha): { readonly runner: Mocha.Runner; readonly failures: Promise<number> } {
  let ended!: (failures: number) => void;
  const failures = new Promise<number>((resolve) => (ended = resolve));
  return { runner: mocha.run((count) => ended(count)), failures };
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
