import { isCollection, isMap, isPair, isScalar, isSeq, LineCounter, visit, type Document } from 'yaml';
import { Excerpts } from './excerpt.ts';
import { ConfigError, dotted, type ConfigIssue, type IssueCode, type Path, type Position } from './issues.ts';
import { parseYaml } from './parse-yaml.ts';
import { syntaxErrors } from './syntax-errors.ts';

/** Uses of aliases in total: enough for a thousand routes that share their timeouts, too few for an alias bomb. */
const MAX_ALIASES = 1_000;

/** A parsed configuration, not checked yet. JSON is YAML, so both are read. */
interface ConfigDocument {
  readonly value: unknown;
  /** The line of the path, or of the longest part of it that is in the document. */
  lineOf(path: Path): number;
  /** The same with the column and an excerpt. `code`: whether the key is meant, or the value. */
  at(path: Path, code?: IssueCode): Position;
  /** The scalar at the path as it is written; undefined if there is none. */
  sourceOf(path: Path): string | undefined;
}

/** Throws a ConfigError with every syntax error. */
export function readDocument(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  // The library's warnings would go to standard error and may quote the text.
  const document = parsed(text, lines, file);
  const excerpts = new Excerpts(text, lines, document);
  const place = (offset: number, end = offset): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col, excerpt: excerpts.at(offset, end) };
  };
  const issues = document.errors.length > 0 ? syntaxErrors(document, text, place) : missingQuotes(document, place);
  if (issues.length > 0)
    throw new ConfigError(
      file,
      issues.sort((a, b) => a.line! - b.line!),
    );
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    throw new ConfigError(file, [
      { path: '', line: undefined, code: 'syntax', message: `more than ${MAX_ALIASES} uses of YAML aliases` },
    ]);
  }
  return {
    value,
    lineOf: (path) => lines.linePos(offsetOf(document, path)[0]).line,
    at: (path, code) => positionOf(document, lines, place, path, code),
    sourceOf: (path) => {
      const node = document.getIn(path, true);
      return isScalar(node) ? node.source : undefined;
    },
  };
}

function parsed(text: string, lines: LineCounter, file: string): Document.Parsed {
  try {
    return parseYaml(text, lines);
  } catch (error) {
    // The library recurses at every level, and catches an exhausted stack in its second pass only.
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(file, [{ path: '', line: undefined, code: 'syntax', message: 'nested too deeply' }]);
  }
}

/** Well-formed, but almost certainly text without its quotes: a password truncated at a comma, for example. */
function missingQuotes(document: Document.Parsed, place: (offset: number) => Position): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const report = (offset: number, ancestors: readonly unknown[], message: string): void => {
    issues.push({ path: dotted(pathOf(ancestors)), ...place(offset), code: 'syntax', message });
  };
  visit(document, {
    Pair(_, { key, value }, ancestors) {
      const offset = isScalar(key) || isCollection(key) ? key.range?.[0] : undefined;
      if (!isScalar(key)) {
        report(
          offset ?? 0,
          ancestors,
          'a key here is not a plain name; is it a "{{ … }}" that no template has filled in?',
        );
        return visit.SKIP;
      }
      // A key with a colon would have a value, at least an empty one.
      if (value === null)
        report(offset ?? 0, ancestors, 'an entry without a value; text with a comma in it needs quotes');
      return undefined;
    },
    Alias(_, alias, ancestors) {
      const source = alias.resolve(document);
      const [at = 0] = alias.range ?? [];
      if (source === undefined)
        report(at, [...ancestors, alias], 'this alias refers to no anchor; text that begins with "*" needs quotes');
      else if (source.range && source.range[0] <= at && at < source.range[1])
        report(at, [...ancestors, alias], 'an alias inside the value it refers to');
    },
  });
  for (const { pos } of document.warnings)
    issues.push({
      path: '',
      ...place(pos[0]),
      code: 'syntax',
      message: 'an unknown YAML tag or directive; text that begins with "!" or "%" needs quotes',
    });
  return issues;
}

function pathOf(ancestors: readonly unknown[]): Path {
  return ancestors.flatMap((node, index): readonly PropertyKey[] => {
    if (isPair(node) && isScalar(node.key)) return [String(node.key.value)];
    const at = isSeq(node) ? node.items.indexOf(ancestors[index + 1]) : -1;
    return at === -1 ? [] : [at];
  });
}

/** The issues about a key; the others are about its value. */
const OF_KEYS: readonly (IssueCode | undefined)[] = ['unknown_key', 'missing'];

function positionOf(
  document: Document,
  lines: LineCounter,
  place: (offset: number, end: number) => Position,
  path: Path,
  code: IssueCode | undefined,
): Position {
  const [start, end] = offsetOf(document, path);
  const node: unknown = path.length > 0 ? document.getIn(path, true) : undefined;
  const { line } = lines.linePos(start);
  // What is meant is on the line that is named.
  if (OF_KEYS.includes(code) || !isScalar(node) || !node.range || lines.linePos(node.range[0]).line !== line)
    return place(start, end);
  const [from, to] = node.range;
  return to > from ? place(from, to) : place(start, end);
}

/** Where the path, or the longest part of it that is in the document, begins, and where its key or value ends. */
function offsetOf(document: Document, path: Path): readonly [start: number, end: number] {
  for (let length = path.length; length > 0; length -= 1) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(path[length - 1]),
      );
      if (pair !== undefined && isScalar(pair.key) && pair.key.range) return [pair.key.range[0], pair.key.range[1]];
    }
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] | null } | undefined;
    if (node?.range) return [node.range[0], isScalar(node) ? node.range[1] : node.range[0] + 1];
  }
  return [0, 0];
}
