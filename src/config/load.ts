import { readFileSync } from 'node:fs';
import type { Flow } from '../flows/flow.ts';
import { readDocument } from './document.ts';
import { expand, ExpansionError } from './expand.ts';
import { reportIssue } from './issues.ts';
import { ConfigError, dotted, type ConfigMistake, type Path, type Say } from './mistakes.ts';
import { checkAccounts, checkCallers, checkListeners, checkRoutes, collectFlows, flowOfAccount } from './references.ts';
import { configSchema, type Config } from './schema.ts';

export { ConfigError, type ConfigMistake } from './mistakes.ts';

/** A checked configuration: the schema's values, and the flow each account uses with its overrides applied. */
export interface LoadedConfig extends Config {
  readonly flowOf: ReadonlyMap<string, Flow>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads, expands and checks a configuration file. Throws a ConfigError with every mistake found. */
export function loadConfig(file: string, environment: Environment): LoadedConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(file, [{ path: '', line: undefined, message: code === 'ENOENT' ? 'there is no such file; name one with -c FILE' : `the file cannot be read (${code ?? 'error'})` }]);
  }
  return parseConfig(text, environment, file);
}

/** The same for a text that is already here. */
export function parseConfig(text: string, environment: Environment, file = 'configuration'): LoadedConfig {
  const document = readDocument(text, file);
  const mistakes: ConfigMistake[] = [];
  const unexpanded = new Set<string>();
  const say: Say = (path, message) => {
    // What could not be expanded has had its complaint; more about the text it was made of would be noise.
    if (!unexpanded.has(dotted(path))) mistakes.push({ path: dotted(path), line: document.lineOf(path), message });
  };

  const expanded = expandLeaves(document.value ?? {}, [], environment, (path, message) => {
    say(path, message);
    unexpanded.add(dotted(path));
  });
  const result = configSchema.safeParse(expanded);
  for (const issue of result.error?.issues ?? []) {
    // A flow of one's own is checked with what it extends.
    if (issue.path[0] !== 'flows' || issue.path.length < 2 || issue.code === 'invalid_key') reportIssue(issue, expanded, say);
  }
  const flows = collectFlows(expanded, say);
  checkAccounts(expanded, flows, document.sourceOf, say);
  checkRoutes(expanded, say);
  checkCallers(expanded, say);
  checkListeners(expanded, say);
  if (mistakes.length > 0 || !result.success) throw new ConfigError(file, mistakes.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));

  const config = result.data;
  return { ...config, flowOf: new Map(Object.entries(config.accounts).map(([name, account]) => [name, flowOfAccount(flows.get(account.flow)!, account)])) };
}

/** The same value with `${…}` expanded in every string that is not a key. */
function expandLeaves(value: unknown, path: Path, environment: Environment, say: Say): unknown {
  if (typeof value === 'string') {
    try {
      return expand(value, environment);
    } catch (error) {
      if (!(error instanceof ExpansionError)) throw error;
      say(path, error.message);
      return value;
    }
  }
  if (Array.isArray(value)) return value.map((item, index) => expandLeaves(item, [...path, index], environment, say));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([key]) => {
      // Schemas pass it over in silence.
      if (key === '__proto__') say([...path, key], 'unknown key');
      return key !== '__proto__';
    });
    return Object.fromEntries(entries.map(([key, item]) => [key, expandLeaves(item, [...path, key], environment, say)]));
  }
  return value;
}
