import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { CannotRun, HELP_OPTION, UsageError } from '../../test/harness/options.ts';
import { runProgram } from '../../test/harness/program.ts';
import { CatalogueError } from './entry.ts';
import { judge } from './judge.ts';
import { readCatalogue } from './read.ts';
import { reportOf, shareOf } from './report.ts';

const HELP = `npm run --silent catalogue -- [options] PATH

Says which share of a catalogue of APIs tokenward's flows can express. For each API a configuration is written, and
tokenward's own loader decides. docs/catalogue.md says what a catalogue looks like.

  PATH         a list of providers (YAML or JSON), an OpenAPI document, or a folder of these documents
  --map FILE   where a catalogue of another form has its words
  --show NAME  print the configuration of this API instead
  --json       print everything as JSON
  --help       show this
`;

interface Options {
  readonly path: string;
  readonly map: string | undefined;
  readonly show: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
}

function parseOptions(args: string[]): Options {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        map: { type: 'string' },
        show: { type: 'string' },
        json: { type: 'boolean', default: false },
        ...HELP_OPTION,
      },
    });
    const { map, show, json, help } = values;
    if (!help && positionals.length !== 1) throw new UsageError('give one file or folder');
    return { path: positionals[0] ?? '', map, show, json, help };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(error instanceof Error ? error.message : 'wrong usage');
  }
}

async function main({ path, map, show, json }: Options): Promise<number> {
  try {
    const { entries, unread } = readCatalogue(path, map);
    const judged = entries.map(judge);
    if (show !== undefined) {
      const one = judged.find(({ name }) => name === show);
      if (one === undefined) throw new CannotRun(`${path} has no entry ${JSON.stringify(show)}`);
      const configurations = one.chosen.length > 0 ? one.chosen : one.ways.flatMap(({ written }) => written ?? []);
      console.log(configurations.map((written) => stringify(written, { lineWidth: 120 })).join('---\n'));
      if (one.outcome !== 'expressible') console.error(`catalogue: ${one.name}: ${one.reason}`);
      return one.outcome === 'expressible' ? 0 : 1;
    }
    const apis = judged.map(({ name, outcome, reason, ways }) => ({
      name,
      outcome,
      reason,
      ways: ways.map(({ kinds, outcome: found, reason: why }) => ({ kinds, outcome: found, reason: why })),
    }));
    console.log(json ? JSON.stringify({ ...shareOf(judged), unread, apis }, null, 1) : reportOf(judged, unread));
    return 0;
  } catch (error) {
    throw error instanceof CatalogueError ? new CannotRun(error.message) : error;
  }
}

await runProgram('catalogue', HELP, parseOptions, main);
