import type { Document } from 'yaml';
import type { ConfigIssue, Position } from './issues.ts';
import { parseYaml } from './parse-yaml.ts';

const QUOTES =
  'check the indentation and brackets, and put quotes around text with ": ", " #", brackets or quotes in it';

/** Causes that have one cure, by the parser's code. The parser's own messages may quote the text. */
const MESSAGES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key occurs twice in one mapping',
  TAB_AS_INDENT: 'a tab: YAML is indented with spaces',
};

/**
 * The syntax errors, one for each cause. One cause often makes several errors: only the first of each line counts, and
 * none that is gone once an unquoted `${…}` has its quotes.
 */
export function syntaxErrors(
  document: Document.Parsed,
  text: string,
  place: (offset: number, end?: number) => Position,
): ConfigIssue[] {
  const unquoted = unquotedVariables(text);
  const repaired = unquoted.length === 0 ? document : parseYaml(withoutVariables(text, unquoted));
  // It may stand in a comment, or in text where it is fine.
  const isCause = repaired.errors.length < document.errors.length;
  const errors = (isCause ? repaired : document).errors.map(({ code, pos: [start] }) => ({ code, start, end: start }));
  const issues = firstOfLines(errors, text).map(({ code, start }) => issueAt(code, text, start, place));
  if (isCause)
    for (const { start, end } of firstOfLines(unquoted, text))
      issues.push({
        path: '',
        ...place(start, end),
        code: 'syntax',
        message: `inside { } or [ ] a variable needs quotes: write "${text.slice(start, end)}"`,
      });
  const firstOf = new Map<number | undefined, ConfigIssue>();
  for (const issue of issues.sort((a, b) => a.line! - b.line! || a.column! - b.column!))
    if (!firstOf.has(issue.line)) firstOf.set(issue.line, issue);
  return [...firstOf.values()];
}

function issueAt(code: string, text: string, offset: number, place: (offset: number) => Position): ConfigIssue {
  const tab = tabBefore(text, offset);
  const at = place(tab ?? offset);
  const words = code.toLowerCase().replaceAll('_', ' ');
  const message =
    tab !== undefined
      ? MESSAGES['TAB_AS_INDENT']!
      : (MESSAGES[code] ?? `not well-formed YAML or JSON, near column ${at.column!} (${words}); ${QUOTES}`);
  return { path: '', ...at, code: 'syntax', message };
}

/** A tab in the indentation of this line. */
function tabBefore(text: string, offset: number): number | undefined {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const [indentation = ''] = /^[ \t]*/.exec(text.slice(start)) ?? [];
  const at = indentation.indexOf('\t');
  return at === -1 ? undefined : start + at;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Each `${NAME}` that begins a value without a quote before it. */
function unquotedVariables(text: string): Range[] {
  return [...text.matchAll(/(?<=[:,[{]\s{0,8})\$\{[A-Za-z_][\w:./-]{0,80}\}/g)].map(({ 0: found, index }) => ({
    start: index,
    end: index + found.length,
  }));
}

/** The text with letters in their place, so that every offset stays. */
function withoutVariables(text: string, ranges: readonly Range[]): string {
  let result = '';
  let at = 0;
  for (const { start, end } of ranges) {
    result += text.slice(at, start) + 'x'.repeat(end - start);
    at = end;
  }
  return result + text.slice(at);
}

/** Of several on a line the first. */
function firstOfLines<R extends Range>(ranges: readonly R[], text: string): R[] {
  const sorted = ranges.toSorted((a, b) => a.start - b.start);
  return sorted.filter(({ start }, index) => {
    const before = sorted[index - 1];
    if (before === undefined) return true;
    const lineEnd = text.indexOf('\n', before.end);
    return lineEnd !== -1 && lineEnd < start;
  });
}
