import { nearest } from '../nearest.ts';
import type { EarlyConfig } from './early.ts';

/** A place in the configuration: keys and list indexes from the top. */
export type Path = readonly PropertyKey[];

/** What kind of issue it is, for programs (`tokenward check --json`). */
export type IssueCode =
  | 'syntax'
  | 'unknown_key'
  | 'missing'
  | 'unknown_name'
  | 'environment'
  | 'file'
  | 'inline_secret'
  | 'invalid'
  | 'unusual';

/** A line of the configuration with every value that may be a secret masked, and the part that is meant. */
export interface Excerpt {
  readonly text: string;
  /** Index in `text`, and length. */
  readonly start: number;
  readonly length: number;
}

/** Where something is written. */
export interface Position {
  readonly line: number;
  /** From 1. */
  readonly column?: number;
  readonly excerpt?: Excerpt;
}

/** One issue: its place, and a message that repeats no value (it may be a secret). */
export interface ConfigIssue {
  readonly path: string;
  readonly line: number | undefined;
  readonly column?: number | undefined;
  readonly message: string;
  /** Default: `invalid`. */
  readonly code?: IssueCode | undefined;
  /** The line, without what may be a secret. */
  readonly excerpt?: Excerpt | undefined;
  /** The place as people read it, such as `routes[0].upstream (/crm)`. Default: `path`. */
  readonly place?: string | undefined;
  /** Only for an issue in another file than the configuration. */
  readonly file?: string;
}

/** Something allowed that is probably not intended: reported by `check` and at the start, and no error. */
export type ConfigWarning = ConfigIssue;

/** An issue or warning on one line. */
export function showIssue({ path, place: shown = path, line, message, file }: ConfigIssue): string {
  const where = file === undefined ? '' : line === undefined ? `${file}: ` : `${file}, `;
  const place = `${where}${line === undefined ? '' : `line ${line}: `}${shown === '' ? '' : `${shown}: `}`;
  return `${place}${shortMessage(message)}`;
}

/** Characters of a message that are shown. It may name a variable or a file, whose length nothing limits. */
const MAX_SHOWN = 600;

/** A message without the middle of a long one. */
export function shortMessage(message: string): string {
  return message.length <= MAX_SHOWN ? message : `${message.slice(0, MAX_SHOWN - 200)} … ${message.slice(-200)}`;
}

/** Adds an issue. */
export type Report = (path: Path, message: string, code?: IssueCode) => void;

/** All issues of a configuration. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string;
  readonly issues: readonly ConfigIssue[];
  /** By path, the stamps of what was read until the mistakes were found. */
  sources: ReadonlyMap<string, string> = new Map();
  /** Present if files with values are missing and nothing else is wrong: who starts may wait for them. */
  early: EarlyConfig | undefined;

  constructor(file: string, issues: readonly ConfigIssue[]) {
    super(
      [
        `${file}: ${issues.length} ${issues.length === 1 ? 'error' : 'errors'}`,
        ...issues.map((issue) => `  ${showIssue(issue)}`),
      ].join('\n'),
    );
    this.file = file;
    this.issues = issues;
  }
}

/** A single issue without a place. */
export function configError(file: string, message: string): ConfigError {
  return new ConfigError(file, [{ path: '', line: undefined, message, code: 'file' }]);
}

/** A path as text. A key with a space or the like is hardly intended, and may be part of a password. */
export function dotted(path: Path): string {
  return path.map((part) => (/^[\w.~*/<-]{1,60}$/.test(String(part)) ? String(part) : '(not a name)')).join('.');
}

/** A path as people read it: `routes[0].upstream (/crm)`. `nameOf`: the name of an item of a list, if it has one. */
export function shownPath(path: Path, nameOf: (list: string, index: number) => string | undefined): string {
  const [list, index] = path;
  const text = dotted(path).replaceAll(/\.(\d+)(?=\.|$)/g, '[$1]');
  const name = typeof index === 'number' ? nameOf(String(list), index) : undefined;
  // Something else in its place may be a secret.
  const isName = /^(\/[\w./~@-]{0,60}|[\w-]+(\.[\w-]+)+(\/[\w./~@-]*)?|[a-z][a-z-]{0,30})$/.test(name ?? '');
  return isName ? `${text} (${name!})` : text;
}

/** The message for an unknown key. */
export function unknownKey(key: string, known: readonly string[]): string {
  return key === '<<'
    ? 'merge keys are not supported; write the values out, or use an alias for a whole value'
    : `unknown key${didYouMean(key, known)}`;
}

/** A hint at the nearest known name, if one is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const suggestion = nearest(word, known);
  return suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
}

/** The message for an unknown flow. There are too many recipes to name them all. */
export function unknownFlow(name: string, known: readonly string[], recipes: readonly string[]): string {
  const others = recipes.length === 0 ? '' : ', and the recipes of docs/recipes';
  return `no flow has this name${didYouMean(name, [...known, ...recipes])}; known: ${known.join(', ')}${others}`;
}

/** The value as a mapping; anything else becomes an empty one. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The listeners of a configuration as they are written, each with its place. */
export function writtenListeners(raw: unknown): readonly { at: Path; listen: Readonly<Record<string, unknown>> }[] {
  const { listen } = record(raw);
  if (!Array.isArray(listen)) return [{ at: ['listen'], listen: record(listen) }];
  return listen.map((one: unknown, index) => ({ at: ['listen', index], listen: record(one) }));
}

/** The value as a list; anything else becomes an empty one. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
