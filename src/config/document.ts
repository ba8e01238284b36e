import { isCollection, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { ConfigError, dotted, type ConfigIssue, type Path } from './issues.ts';

/** Uses of aliases in total: enough for a thousand routes that share their timeouts, too few for an alias bomb. */
const MAX_ALIASES = 1_000;

/** A parsed configuration, not checked yet. JSON is YAML, so both are read. */
interface ConfigDocument {
  readonly value: unknown;
  /** The line of the path, or of the longest part of it that is in the document. */
  lineOf(path: Path): number;
  /** The scalar at the path as it is written; undefined if there is none. */
  sourceOf(path: Path): string | undefined;
}

/** Throws a ConfigError with every syntax error. */
export function readDocument(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  // The library's warnings would go to standard error and may quote the text.
  const document = parsed(text, lines, file);
  const issues = document.errors.length > 0 ? syntaxErrors(document, lines) : missingQuotes(document, lines);
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
      { path: '', line: undefined, message: `more than ${MAX_ALIASES} uses of YAML aliases` },
    ]);
  }
  return {
    value,
    lineOf: (path) => lineOf(document, lines, path),
    sourceOf: (path) => {
      const node = document.getIn(path, true);
      return isScalar(node) ? node.source : undefined;
    },
  };
}

function parsed(text: string, lines: LineCounter, file: string): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: false, logLevel: 'error' });
  } catch (error) {
    // The library recurses at every level, and catches an exhausted stack in its second pass only.
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(file, [{ path: '', line: undefined, message: 'nested too deeply' }]);
  }
}

/**
 * The parser's messages may quote the text; its code and position do not. One mistake often causes several errors, so
 * only the first of each line is reported.
 */
function syntaxErrors(document: Document.Parsed, lines: LineCounter): ConfigIssue[] {
  const issues = document.errors.map(({ code, pos }) => {
    const { line, col } = lines.linePos(pos[0]);
    const message =
      code === 'DUPLICATE_KEY'
        ? 'this key occurs twice in one mapping'
        : `not well-formed YAML or JSON, near column ${col} (${code.toLowerCase().replaceAll('_', ' ')}); ` +
          'check the indentation and brackets, and put quotes around text with ": ", " #", brackets or quotes ' +
          'in it';
    return { path: '', line, message };
  });
  const firstOf = new Map<number, ConfigIssue>();
  for (const issue of issues) if (!firstOf.has(issue.line)) firstOf.set(issue.line, issue);
  return [...firstOf.values()];
}

/** Well-formed, but almost certainly text without its quotes: a password truncated at a comma, for example. */
function missingQuotes(document: Document.Parsed, lines: LineCounter): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const report = (offset: number, ancestors: readonly unknown[], message: string): void => {
    issues.push({ path: dotted(pathOf(ancestors)), line: lines.linePos(offset).line, message });
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
      line: lines.linePos(pos[0]).line,
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

function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(path[length - 1]),
      );
      if (pair !== undefined && isScalar(pair.key) && pair.key.range) return lines.linePos(pair.key.range[0]).line;
    }
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] | null } | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
