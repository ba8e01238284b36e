import { writeFileSync } from 'node:fs';
import { ConfigError, parseConfig, shortMessage } from '../config/load.ts';
import { Recipes } from '../config/recipes.ts';
import type { Flow } from '../flows/flow.ts';
import { PRESETS } from '../flows/presets.ts';
import { nearest } from '../nearest.ts';
import { isUrl } from '../config/urls.ts';
import { starter, type Starter } from './starter.ts';
import { openTerminal } from './terminal.ts';
import { print } from './options.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward init`. */
interface Options {
  readonly output?: string;
  readonly flow?: string;
  readonly name?: string;
  readonly upstream?: string;
  readonly force?: boolean;
}

/** Stands for a flow that the user describes. */
const OWN = 'own';

/** `tokenward init`: a commented configuration for one account and one route. */
export async function init(options: Options): Promise<void> {
  const file = options.output ?? 'proxy.config.yaml';
  const answers = options.flow === undefined && process.stdin.isTTY ? await asked(options) : options;
  const started = starterOf(answers);
  const text = starter(started);
  const variables = [...new Set([...text.matchAll(/"\$\{(\w+)\}"/g)].map(([, name]) => name!))];
  for (const problem of problemsOf(text, variables)) process.stderr.write(`note: ${problem}\n`);
  if (file === '-') return print(text);
  write(file, text, options.force === true);
  print(
    `Wrote ${file}. Next:\n` +
      variables.map((name) => `  export ${name}=…\n`).join('') +
      `  tokenward check -c ${file}\n  tokenward serve -c ${file}\n` +
      `  curl http://127.0.0.1:8080/${started.name}/…\n`,
  );
}

/** Asks a person for what the options do not say. */
async function asked(options: Options): Promise<Options> {
  const terminal = openTerminal(process.stdin, process.stderr);
  const check = (look: () => unknown): string | undefined => {
    try {
      look();
      return undefined;
    } catch (error) {
      if (error instanceof UsageError) return error.message;
      throw error;
    }
  };
  try {
    const flow = await terminal.ask(
      `Which API? A built-in flow (${Object.keys(PRESETS).join(', ')}), a recipe of docs/recipes, ` +
        'or own for one that you describe',
      OWN,
      (word) => check(() => flowOf(word)),
    );
    const given = { ...options, flow };
    const name = await terminal.ask('The name of its account and route', starterOf(given).name, (word) =>
      check(() => starterOf({ ...given, name: word })),
    );
    const named = { ...given, name };
    const upstream = await terminal.ask('The API that requests go to', starterOf(named).upstream, (word) =>
      check(() => starterOf({ ...named, upstream: word })),
    );
    return { ...named, upstream };
  } finally {
    terminal.close();
  }
}

/** Throws a UsageError. */
function starterOf(options: Options): Starter {
  const flow = options.flow ?? OWN;
  const known = flowOf(flow);
  const name = options.name ?? (flow === OWN ? 'my-api' : flow);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$/.test(name))
    throw new UsageError('--name must be a name of letters, digits, ".", "_" and "-"');
  const upstream = options.upstream ?? upstreamOf(flow, known);
  if (!isUrl(upstream.replace('//*.', '//')))
    throw new UsageError('--upstream must be a URL such as https://api.example.com');
  return { flow: flow === OWN ? undefined : flow, name, upstream, credentials: known?.credentials ?? {} };
}

/** Undefined for an own flow. Throws a UsageError. */
function flowOf(name: string): Flow | undefined {
  if (name === OWN) return undefined;
  const recipes = new Recipes();
  const flow = Object.hasOwn(PRESETS, name) ? PRESETS[name] : recipes.get(name);
  if (flow !== undefined) return flow;
  const known = [...Object.keys(PRESETS), ...recipes.names, OWN];
  const meant = nearest(name, known);
  const others = `${Object.keys(PRESETS).join(', ')}, the recipes of docs/recipes, and own`;
  throw new UsageError(
    `no flow has this name; ${meant === undefined ? `there are ${others}` : `did you mean "${meant}"?`}`,
  );
}

function upstreamOf(name: string, flow: Flow | undefined): string {
  const stated = flow?.baseUrl ?? new Recipes().upstreamOf(name);
  return stated !== undefined && isUrl(stated.replace('//*.', '//')) ? stated : 'https://api.example.com';
}

/** What `check` would say, once each variable has a value. What a value has to look like is not known here. */
function problemsOf(text: string, variables: readonly string[]): string[] {
  try {
    parseConfig(text, Object.fromEntries(variables.map((name) => [name, 'value'])));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.issues.map(({ path, message }) => `${path}: ${shortMessage(message)}`);
  }
}

function write(file: string, text: string, force: boolean): void {
  try {
    writeFileSync(file, text, { flag: force ? 'w' : 'wx', mode: 0o600 });
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === 'EEXIST' ? `${file} is there already; --force overwrites it` : `${file} cannot be written (${code})`,
    );
  }
}
