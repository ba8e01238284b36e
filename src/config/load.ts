import { readFileSync } from 'node:fs';
import { isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { flowSchema, type Flow } from '../flows/flow.ts';
import { PRESETS } from '../flows/presets.ts';
import { expand, ExpansionError } from './expand.ts';
import { nearest } from './nearest.ts';
import { configSchema, type Config } from './schema.ts';

/** One mistake: where it stands, and what is wrong in words that repeat no value (it may be a secret). */
export interface ConfigMistake {
  readonly path: string;
  readonly line: number | undefined;
  readonly message: string;
}

/** All mistakes of a configuration at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string;
  readonly mistakes: readonly ConfigMistake[];

  constructor(file: string, mistakes: readonly ConfigMistake[]) {
    super([
      `${file}: ${mistakes.length} ${mistakes.length === 1 ? 'mistake' : 'mistakes'}`,
      ...mistakes.map(({ path, line, message }) => `  ${line === undefined ? '' : `line ${line}: `}${path === '' ? '' : `${path}: `}${message}`),
    ].join('\n'));
    this.file = file;
    this.mistakes = mistakes;
  }
}

/** A checked configuration: the schema's values, and the flow each account uses with its overrides applied. */
export interface LoadedConfig extends Config {
  readonly flowOf: ReadonlyMap<string, Flow>;
}

type Path = readonly PropertyKey[];
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
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: false });
  if (document.errors.length > 0) {
    // The parser's words may quote the text around the mistake; its code and place do not.
    throw new ConfigError(file, document.errors.map((error) => ({ path: '', line: lines.linePos(error.pos[0]).line, message: `not well-formed YAML or JSON (${error.code.toLowerCase().replaceAll('_', ' ')})` })));
  }
  const mistakes: ConfigMistake[] = [];
  const say = (path: Path, message: string): void => {
    mistakes.push({ path: dotted(path), line: lineOf(document, lines, path), message });
  };

  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch {
    throw new ConfigError(file, [{ path: '', line: undefined, message: 'too many YAML aliases' }]);
  }
  const missing = new Set<string>();
  const expanded = expandLeaves(raw, [], environment, (path, message) => {
    missing.add(dotted(path));
    say(path, message);
  });
  const result = configSchema.safeParse(expanded ?? {});
  if (!result.success) for (const issue of result.error.issues) reportIssue(issue, expanded, say, missing);
  const config = result.success ? result.data : undefined;
  const flowOf = checkReferences(config, expanded, say);
  if (mistakes.length > 0 || config === undefined) throw new ConfigError(file, mistakes.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  return { ...config, flowOf };
}

function expandLeaves(value: unknown, path: Path, environment: Environment, say: (path: Path, message: string) => void): unknown {
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
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandLeaves(item, [...path, key], environment, say)]));
  }
  return value;
}

/** Schema issues in our own words: zod's may quote the value, and an unknown key deserves the name that was meant. */
function reportIssue(issue: z.core.$ZodIssue, root: unknown, say: (path: Path, message: string) => void, missing: ReadonlySet<string>): void {
  if (missing.has(dotted(issue.path))) return;
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path);
    for (const key of issue.keys) {
      const meant = nearest(key, known);
      say([...issue.path, key], `unknown key${meant === undefined ? '' : `; did you mean "${meant}"?`}`);
    }
    return;
  }
  if (issue.code === 'invalid_union') {
    // Of several allowed shapes, show the complaints about the one that came nearest.
    const [closest] = [...issue.errors].sort((a, b) => score(a) - score(b));
    if (closest !== undefined && closest.length > 0 && closest.some((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys')) {
      for (const inner of closest) reportIssue({ ...inner, path: [...issue.path, ...inner.path] }, root, say, missing);
      return;
    }
    const wordy = issue.errors.flat().map((inner) => inner.message).find((message) => message.startsWith('must '));
    say(issue.path, wordy ?? 'has none of the forms allowed here');
    return;
  }
  const value = issue.path.reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined), root);
  if (issue.code === 'invalid_type') say(issue.path, value === undefined ? 'is missing' : `must be ${article(issue.expected)}`);
  else if (issue.code === 'invalid_value') say(issue.path, `must be one of ${issue.values.map(String).join(', ')}`);
  else if (issue.code === 'too_small') say(issue.path, issue.origin === 'string' ? 'must not be empty' : issue.origin === 'array' ? `needs at least ${issue.minimum}` : `must be at least ${issue.minimum}`);
  else if (issue.code === 'too_big') say(issue.path, `must be at most ${issue.maximum}`);
  else if (issue.code === 'invalid_key') say(issue.path, issue.issues[0]?.message ?? 'is not a name');
  else say(issue.path, issue.message);
}

/** Complaints about whole shapes weigh more than those about parts of one. */
function score(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.path.length === 0 && issue.code !== 'unrecognized_keys' ? 100 : 1), 0);
}

function article(expected: string): string {
  const words: Readonly<Record<string, string>> = { object: 'a mapping', array: 'a list', string: 'text (put quotes around it)', number: 'a number', boolean: 'true or false', int: 'a whole number', record: 'a mapping' };
  return words[expected] ?? expected;
}

/** What the schema does not see: names that must exist elsewhere, and rules across parts. */
function checkReferences(config: Config | undefined, raw: unknown, say: (path: Path, message: string) => void): Map<string, Flow> {
  const flowOf = new Map<string, Flow>();
  const flows = collectFlows(raw, say);
  const accounts = record(record(raw)['accounts']);
  for (const [name, value] of Object.entries(accounts)) {
    const account = record(value);
    const flowName = account['flow'];
    if (typeof flowName !== 'string') continue;
    const flow = flows.get(flowName);
    if (flow === undefined) {
      const known = [...new Set([...Object.keys(PRESETS), ...Object.keys(record(record(raw)['flows']))])];
      if (!known.includes(flowName)) say(['accounts', name, 'flow'], `there is no flow of this name; known: ${known.join(', ')}`);
      continue;
    }
    checkCredentials(flow, account['credentials'], ['accounts', name, 'credentials'], say);
    if (flow.baseUrl === undefined && account['baseUrl'] === undefined && flow.login?.url.startsWith('/') === true) say(['accounts', name], `the flow ${flowName} needs a baseUrl here`);
    const settings = config?.accounts[name];
    if (settings !== undefined) {
      flowOf.set(name, {
        ...flow,
        ...(settings.baseUrl !== undefined && { baseUrl: settings.baseUrl }),
        ...(settings.attach !== undefined && { attach: settings.attach }),
        ...(settings.budget !== undefined && { budget: settings.budget }),
        ...(settings.lifetime !== undefined && { lifetime: settings.lifetime }),
        ...(settings.rotationGrace !== undefined && { rotationGrace: settings.rotationGrace }),
        ...(settings.renew !== undefined && { renew: settings.renew }),
      });
    }
  }
  if (config === undefined) return flowOf;
  const prefixes = new Map<string, number>();
  config.routes.forEach((route, index) => {
    if (route.account !== undefined && config.accounts[route.account] === undefined) {
      const meant = nearest(route.account, Object.keys(config.accounts));
      say(['routes', index, 'account'], `there is no account of this name${meant === undefined ? '' : `; did you mean "${meant}"?`}`);
    }
    if (prefixes.has(route.prefix)) say(['routes', index, 'prefix'], `is used twice (also by routes.${prefixes.get(route.prefix)!})`);
    prefixes.set(route.prefix, index);
  });
  if (config.callers === 'none') {
    if (!isLoopback(config.listen.host) && !config.allowAnonymous) say(['callers'], 'none lets everybody who reaches the listener use the accounts. Give each caller a key, listen on 127.0.0.1, or say allowAnonymous: true');
  } else {
    const names = new Set<string>();
    config.callers.forEach((caller, index) => {
      if (names.has(caller.name)) say(['callers', index, 'name'], 'is used twice');
      names.add(caller.name);
      caller.routes?.forEach((prefix, at) => {
        if (!prefixes.has(prefix)) say(['callers', index, 'routes', at], `there is no route with this prefix${nearest(prefix, [...prefixes.keys()]) === undefined ? '' : `; did you mean "${nearest(prefix, [...prefixes.keys()])!}"?`}`);
      });
    });
  }
  if (config.listen.port !== 0 && config.listen.port === config.operator.port) say(['operator', 'port'], 'is the same as listen.port');
  return flowOf;
}

function collectFlows(raw: unknown, say: (path: Path, message: string) => void): Map<string, Flow> {
  const flows = new Map<string, Flow>(Object.entries(PRESETS));
  for (const [name, value] of Object.entries(record(record(raw)['flows']))) {
    const { extends: base, ...own } = record(value);
    if (base === undefined) {
      const parsed = flowSchema.safeParse(own);
      if (parsed.success) flows.set(name, parsed.data);
      continue;
    }
    const preset = typeof base === 'string' ? PRESETS[base] : undefined;
    if (preset === undefined) {
      say(['flows', name, 'extends'], `must be one of ${Object.keys(PRESETS).join(', ')}`);
      continue;
    }
    const parsed = flowSchema.safeParse({ ...preset, ...own });
    if (parsed.success) flows.set(name, parsed.data);
    else for (const issue of parsed.error.issues) reportIssue({ ...issue, path: ['flows', name, ...issue.path] }, raw, say, new Set());
  }
  return flows;
}

function checkCredentials(flow: Flow, given: unknown, path: Path, say: (path: Path, message: string) => void): void {
  const credentials = record(given);
  const known = Object.keys(flow.credentials);
  for (const [name, need] of Object.entries(flow.credentials)) {
    const value = credentials[name];
    if (need === 'required' && (value === undefined || value === null || value === '')) say(path, `${name} is missing`);
    // A password such as 0123 or 1e5 is a number to YAML and would arrive changed.
    else if (need === 'required' && typeof value !== 'string') say([...path, name], 'must be text: put quotes around it');
  }
  for (const name of Object.keys(credentials)) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    say([...path, name], `unknown key${meant === undefined ? '' : `; did you mean "${meant}"?`}`);
  }
}

/** 127.0.0.0/8, ::1 and localhost: nobody but this host gets there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function dotted(path: Path): string {
  return path.map(String).join('.');
}

/** The line of the path, or of the nearest part of it that is in the document. */
function lineOf(document: Document, lines: LineCounter, path: Path): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(path[length - 1]));
      if (pair !== undefined && isScalar(pair.key) && pair.key.range) return lines.linePos(pair.key.range[0]).line;
    }
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] | null } | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

/** The keys the schema knows at a path: what a typo is compared with. */
function keysAt(path: Path): string[] {
  let schema: unknown = configSchema;
  for (const part of path) schema = step(schema, part);
  return Object.keys(shapeOf(schema));
}

interface SchemaParts { def: { type: string; innerType?: unknown; element?: unknown; valueType?: unknown; options?: unknown[]; in?: unknown }; shape?: Record<string, unknown> }

function unwrap(schema: unknown): SchemaParts | undefined {
  let at = schema as SchemaParts | undefined;
  while (at?.def.innerType !== undefined || at?.def.type === 'pipe') at = (at.def.innerType ?? at.def.in) as SchemaParts;
  return at;
}

function shapeOf(schema: unknown): Record<string, unknown> {
  const at = unwrap(schema);
  if (at?.def.type === 'union') return Object.assign({}, ...(at.def.options ?? []).map(shapeOf)) as Record<string, unknown>;
  return at?.def.type === 'object' ? at.shape ?? {} : {};
}

function step(schema: unknown, part: PropertyKey): unknown {
  const at = unwrap(schema);
  if (at === undefined) return undefined;
  if (at.def.type === 'array') return at.def.element;
  if (at.def.type === 'record') return at.def.valueType;
  if (at.def.type === 'union') return (at.def.options ?? []).map((option) => step(option, part)).find((found) => found !== undefined);
  return shapeOf(at)[String(part)];
}
