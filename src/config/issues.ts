import { nearest } from '../nearest.ts';

/** Where something stands in the configuration: keys and list indexes from the top. */
export type Path = readonly PropertyKey[];

/** One mistake: where it stands, and what is wrong in words that repeat no value (it may be a secret). */
export interface ConfigIssue {
  readonly path: string;
  readonly line: number | undefined;
  readonly message: string;
  /** Only if it stands in another file than the configuration. */
  readonly file?: string;
}

/** Something that is allowed and hardly meant: told by `check` and at the start, and no reason to refuse. */
export type ConfigWarning = ConfigIssue;

/** A mistake or warning as it is shown, on one line. */
export function showIssue({ path, line, message, file }: ConfigIssue): string {
  const where = file === undefined ? '' : line === undefined ? `${file}: ` : `${file}, `;
  return `${where}${line === undefined ? '' : `line ${line}: `}${path === '' ? '' : `${path}: `}${message}`;
}

/** Takes note of a mistake. */
export type Report = (path: Path, message: string) => void;

/** All mistakes of a configuration at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string;
  readonly issues: readonly ConfigIssue[];

  constructor(file: string, issues: readonly ConfigIssue[]) {
    super(
      [
        `${file}: ${issues.length} ${issues.length === 1 ? 'mistake' : 'mistakes'}`,
        ...issues.map((issue) => `  ${showIssue(issue)}`),
      ].join('\n'),
    );
    this.file = file;
    this.issues = issues;
  }
}

/** A single mistake that stands nowhere in particular. */
export function configError(file: string, message: string): ConfigError {
  return new ConfigError(file, [{ path: '', line: undefined, message }]);
}

/** A path as it is shown. A key with a space or the like is hardly one that was meant, and may be half a password. */
export function dotted(path: Path): string {
  return path.map((part) => (/^[\w.~*/<-]{1,60}$/.test(String(part)) ? String(part) : '(not a name)')).join('.');
}

/** What to say of a key nobody knows. */
export function unknownKey(key: string, known: readonly string[]): string {
  return key === '<<'
    ? 'merge keys are not supported; write the values out, or use an alias for a whole value'
    : `unknown key${didYouMean(key, known)}`;
}

/** A hint at the known name that is nearest, if one is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}

/** What to say of a flow that nobody knows. */
export function unknownFlow(name: string, known: readonly string[]): string {
  return `no flow has this name${didYouMean(name, known)}; known: ${known.join(', ')}`;
}

/** The value as a mapping; an empty one if it is something else. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The value as a list; an empty one if it is something else. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
