import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OTHER_PROCESSES, REAL_TIME, REDIS, testsIn } from './tests-in.ts';

/** Files that are mutated together, with one set of tests. */
export interface Group {
  readonly name: string;
  /** What the table calls it. */
  readonly folder: string;
  readonly files: readonly string[];
  /** In the order in which they run: a mutant is dead at the first test that fails. */
  readonly tests: readonly string[];
  /** The lowest score, in per cent, that passes. */
  readonly bar: number;
  /** Whether every survivor is listed in `equivalent/` with the reason why no test can tell it from the original. */
  readonly complete: boolean;
}

const PARSERS = [
  'src/http/client/response-parser.ts',
  'src/http/client/response-framing.ts',
  'src/http/server/fast/request.ts',
  'src/http/server/raw-targets.ts',
  'src/http/fields.ts',
  'src/http/field-names.ts',
  'src/http/framing.ts',
];

/** How a test begins that feeds a parser with bytes itself, or with the help of a file beside it. */
const FEEDS_A_PARSER = new RegExp(
  `from '.*(/parse-response\\.ts|/encoded-connection\\.ts|${PARSERS.map((file) => file.replaceAll('.', '\\.')).join('|')})'`,
);

/** Only a real server, Sentinel or Cluster shows what it does. */
const REDIS_CLIENT = 'src/tokens/stores/redis-topology.ts';

/** How a test begins that works on a store itself, not on a token manager over one. */
const OPENS_A_STORE = /(from |import\()'.*(tokens\/stores\/[a-z-]+|\/store-contract|\/memory-redis)\.ts'/;

const GATE = ['validate', 'target', 'absolute-form', 'site-rules', 'policy', 'enforce-policy'].map(
  (name) => `src/proxy/${name}.ts`,
);

export const GROUPS: readonly Group[] = [
  {
    name: 'tokens',
    folder: 'src/tokens',
    files: filesIn('src/tokens'),
    tests: [...quickestFirst(testsIn('test/tokens', REDIS, OTHER_PROCESSES, REAL_TIME)), 'test/mutation/histories.ts'],
    bar: 85,
    complete: false,
  },
  {
    name: 'stores',
    folder: 'src/tokens/stores',
    files: filesIn('src/tokens/stores').filter((file) => file !== REDIS_CLIENT),
    tests: [
      ...testsIn('test/tokens', REDIS, OTHER_PROCESSES, REAL_TIME).filter((path) =>
        OPENS_A_STORE.test(readFileSync(path, 'utf8')),
      ),
      'test/mutation/histories.ts',
    ],
    bar: 85,
    complete: false,
  },
  {
    name: 'parsers',
    folder: 'src/http (parsers)',
    files: PARSERS,
    tests: testsIn('test/http').filter((path) => isQuickParserTest(readFileSync(path, 'utf8'))),
    bar: 85,
    complete: false,
  },
  {
    name: 'gate',
    folder: 'src/proxy (gate)',
    files: GATE,
    tests: quickestFirst([
      ...['test/proxy/validate', 'test/proxy/permit', 'test/proxy/route'].flatMap((folder) => testsIn(folder)),
      'test/http/server/nothing-walks-past-the-gate.test.ts',
      'test/http/server/what-the-parser-refuses.test.ts',
    ]),
    bar: 0,
    complete: false,
  },
  {
    name: 'proxy',
    folder: 'src/proxy (the rest)',
    files: filesIn('src/proxy').filter((file) => !GATE.includes(file)),
    tests: quickestFirst(testsIn('test/proxy')),
    bar: 0,
    complete: false,
  },
];

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** A proxy around the parsers, or thousands of generated cases, take a thousand times as long as a table of cases. */
function isQuickParserTest(source: string): boolean {
  return FEEDS_A_PARSER.test(source) && !source.includes("from 'fast-check'");
}

/** Those that start no proxy come first: they take a hundredth of the time. */
function quickestFirst(tests: readonly string[]): string[] {
  const isSlow = new Map(tests.map((path) => [path, /support\/(world|proxy)\.ts/.test(readFileSync(path, 'utf8'))]));
  return [false, true].flatMap((slow) => tests.filter((path) => isSlow.get(path) === slow));
}
