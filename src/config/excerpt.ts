import { isAlias, isMap, isPair, isScalar, visit, type Document, type LineCounter, type Scalar } from 'yaml';
import { PRESETS } from '../flows/presets.ts';
import { nearest } from '../nearest.ts';
import type { Excerpt, Path } from './issues.ts';
import { SCHEMA_KEYS, valuesAt } from './schema-keys.ts';

/** What stands for a masked text, whatever its length. */
const MASK = '***';
/** Characters of a line that are shown. */
const MAX_SHOWN = 110;

/** A piece of a line, with what is shown of it. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly shown: string;
}

/** A key or a value of the document. What is shown of it is worked out for the lines that are shown, which are few. */
interface Span {
  readonly start: number;
  readonly end: number;
  show(): string;
}

/**
 * Makes excerpts of one document. A value is shown only where the schema has no secret and the value has the form of
 * what belongs there; all else is masked, comments are left out.
 */
export class Excerpts {
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #document: Document.Parsed;
  #spans: readonly Span[] | undefined;

  constructor(text: string, lines: LineCounter, document: Document.Parsed) {
    this.#text = text;
    this.#lines = lines;
    this.#document = document;
  }

  /** The line of this offset, with the part from there up to `end`. */
  at(offset: number, end: number): Excerpt {
    const { line } = this.#lines.linePos(offset);
    const from = this.#lines.lineStarts[line - 1] ?? 0;
    const next = this.#text.indexOf('\n', from);
    const to = next === -1 ? this.#text.length : next;
    const pieces =
      this.#document.errors.length > 0
        ? piecesOfMalformed(this.#text.slice(from, to), from)
        : piecesOf(this.#text, from, to, (this.#spans ??= spansOf(this.#document)));
    return cut(pieces, offset, Math.min(Math.max(end, offset + 1), to));
  }
}

/** Keys that are no secrets, wherever they stand. */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
  ...SCHEMA_KEYS,
  ...Object.values(PRESETS).flatMap(({ credentials }) => Object.keys(credentials)),
]);

/** The visible pieces of a line. */
function piecesOf(text: string, from: number, to: number, spans: readonly Span[]): Piece[] {
  const pieces: Piece[] = [];
  let at = from;
  for (let index = firstBehind(spans, from); index < spans.length && spans[index]!.start < to; index += 1) {
    const span = spans[index]!;
    if (span.start > at) pieces.push(...syntax(text.slice(at, span.start), at));
    const start = Math.max(span.start, from);
    const end = Math.min(span.end, to);
    // A value of several lines is never shown.
    pieces.push({ start, end, shown: span.start < from || span.end > to ? MASK : span.show() });
    at = end;
  }
  if (at < to) pieces.push(...syntax(text.slice(at, to), at));
  return pieces;
}

/** The index of the first span that ends behind this offset. They are in the order of the text. */
function firstBehind(spans: readonly Span[], offset: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (spans[middle]!.end > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** What stands between keys and values: brackets, blanks, marks; not comments, anchors and tags. */
function syntax(text: string, start: number): Piece[] {
  const code = text.replace(/(^|\s)#.*$/, '');
  return code === ''
    ? []
    : [{ start, end: start + code.length, shown: code.replaceAll('\t', ' ').replaceAll(/[^\s{}[\],:?>|"'-]+/g, MASK) }];
}

/** Of a line that the parser does not understand, only known keys, marks and variables are shown. */
function piecesOfMalformed(line: string, from: number): Piece[] {
  const pieces: Piece[] = [];
  const code = line.replace(/\s#.*$/, '');
  for (const { 0: word, index } of code.matchAll(/\$\{[A-Za-z_]\w*\}|[\w.-]+|\s+|[^\w\s.$-]|[$]/g)) {
    const isKey = KNOWN_KEYS.has(word) && /^["']?\s*:(?=\s|$)/.test(code.slice(index + word.length));
    const isPlain = /^\s+$|^[{}[\],:?>|"'-]$|^\$\{/.test(word) || isKey;
    const before = pieces.at(-1);
    const [start, end] = [from + index, from + index + word.length];
    if (isPlain) pieces.push({ start, end, shown: word.replaceAll('\t', ' ') });
    else if (before?.shown === MASK) pieces[pieces.length - 1] = { start: before.start, end, shown: MASK };
    else pieces.push({ start, end, shown: MASK });
  }
  return pieces;
}

/** Joins the pieces; `from` and `to` are what is meant. A long line is cut on both sides. */
function cut(pieces: readonly Piece[], from: number, to: number): Excerpt {
  let text = '';
  let start: number | undefined;
  let end = 0;
  for (const piece of pieces) {
    const isWhole = piece.shown.length === piece.end - piece.start;
    const placeOf = (offset: number): number =>
      text.length + (isWhole ? Math.max(0, Math.min(offset, piece.end) - piece.start) : 0);
    if (piece.end > from) start ??= placeOf(from);
    if (piece.start < to) end = isWhole ? placeOf(to) : text.length + piece.shown.length;
    text += piece.shown;
  }
  start ??= text.length;
  const length = Math.max(1, Math.min(end, text.trimEnd().length) - start);
  if (text.length <= MAX_SHOWN) return { text: text.trimEnd(), start, length };
  const left = Math.max(0, Math.min(start - 30, text.length - MAX_SHOWN));
  const shown = text.slice(left, left + MAX_SHOWN);
  const [before, after] = [left > 0 ? '… ' : '', left + MAX_SHOWN < text.length ? ' …' : ''];
  return {
    text: `${before}${shown}${after}`,
    start: start - left + before.length,
    length: Math.min(length, MAX_SHOWN - (start - left)),
  };
}

/** Every key and scalar in the order of the text. */
function spansOf(document: Document.Parsed): Span[] {
  const spans: Span[] = [];
  const names = namesIn(document);
  visit(document, {
    Scalar(key, node, ancestors) {
      if (!node.range) return;
      const [start, end] = node.range;
      spans.push({ start, end, show: () => shownScalar(key === 'key', node, ancestors, names) });
    },
    Alias(_, node) {
      if (isAlias(node) && node.range) spans.push({ start: node.range[0], end: node.range[1], show: () => MASK });
    },
  });
  return spans.sort((a, b) => a.start - b.start);
}

function shownScalar(isKey: boolean, node: Scalar, ancestors: readonly unknown[], names: ReadonlySet<string>): string {
  const written = String(node.value);
  const plainKey = (): string => (isPlainKey(written, ancestors.at(-1)) ? written : MASK);
  const shown = isKey ? plainKey() : shownValue(pathOf([...ancestors, node]), node.source ?? written, names);
  const mark = node.type === 'QUOTE_DOUBLE' ? '"' : node.type === 'QUOTE_SINGLE' ? "'" : '';
  return `${mark}${shown}${mark}`;
}

/** A key without a value may be the rest of a password with a comma in it. */
function isPlainKey(written: string, pair: unknown): boolean {
  const hasValue = isPair(pair) && pair.value !== null;
  return KNOWN_KEYS.has(written) || (hasValue && /^[\w.~*/<-]{1,60}$/.test(written));
}

/** The names that other parts of the document may refer to. */
function namesIn(document: Document.Parsed): ReadonlySet<string> {
  const names = new Set<string>();
  for (const part of ['accounts', 'flows']) {
    const map: unknown = document.get(part, true);
    if (isMap(map)) for (const { key } of map.items) if (isScalar(key)) names.add(String(key.value));
  }
  return names;
}

function pathOf(ancestors: readonly unknown[]): Path {
  return ancestors.flatMap((node, index): readonly PropertyKey[] => {
    if (isPair(node) && isScalar(node.key)) return [String(node.key.value)];
    const items = (node as { items?: unknown[] }).items;
    const at = !isMap(node) && Array.isArray(items) ? items.indexOf(ancestors[index + 1]) : -1;
    return at === -1 ? [] : [at];
  });
}

/** Parts of the configuration whose texts may be secrets, whatever they are called. */
const PRIVATE = new Set(
  'credentials headers attach login refresh oauth make form json query basic client answer body'.split(' '),
);
const URL_KEYS = new Set(['upstream', 'baseUrl', 'jwks', 'issuer']);
const FILE_KEYS = /File$|^(path|file|directory|socket)$/;

/** What is shown of a value at this place. */
export function shownValue(path: Path, written: string, names: ReadonlySet<string> = new Set()): string {
  const expressions = /^(?:\$\{(?:[A-Za-z_]\w*|file:[\w./-]+)\}|[-:/.@ ])+$/;
  if (expressions.test(written)) return written;
  // The default of a variable may be the secret.
  const [, variable] = /^\$\{([A-Za-z_]\w*):-.*\}$/s.exec(written) ?? [];
  if (variable !== undefined) return `\${${variable}:-${MASK}}`;
  const parts = path.map(String);
  if (parts.some((part) => PRIVATE.has(part)) || /key|password|secret|token$/i.test(parts.at(-1) ?? '')) return MASK;
  const name = parts.findLast((part) => !/^\d+$/.test(part)) ?? '';
  const isSafe =
    /^(true|false|yes|no|on|off|null|~)$/i.test(written) ||
    // Numbers, sizes and durations; a longer one may be a phone number or a PIN.
    /^\d{1,5}(\.\d{1,3})?( ?[A-Za-z]{1,3})?$/.test(written) ||
    isNear(written, valuesAt(path)) ||
    (isReference(parts) && isNear(written, [...names, ...KNOWN_FLOWS])) ||
    (name === 'prefix' && /^\/?[\w.~@/-]{0,60}$/.test(written) && written.includes('/')) ||
    (parts[0] === 'callers' && name === 'name' && /^[a-z][a-z0-9-]{0,30}$/.test(written)) ||
    (FILE_KEYS.test(name) && /^\.{0,2}\/[\w./-]+$/.test(written)) ||
    ((name === 'host' || name === 'hosts') && isHost(written));
  if (isSafe) return written;
  return URL_KEYS.has(name) ? shownUrl(written) : MASK;
}

const KNOWN_FLOWS = Object.keys(PRESETS);

function isReference(parts: readonly string[]): boolean {
  return ['flow', 'account', 'extends'].includes(parts.at(-1) ?? '');
}

function isNear(word: string, known: readonly string[]): boolean {
  return known.includes(word) || (word.length <= 40 && nearest(word, known) !== undefined);
}

function isHost(text: string): boolean {
  return /^(localhost|\*|(\*\.)?[a-z0-9_-]{1,40}(\.[a-z0-9_-]{1,40}){1,5}|\[?[0-9a-f:]+\]?)(:\d{1,5})?$/.test(text);
}

/** Scheme and host of a URL, and a path that is as short and plain as those of APIs; no user, no query. */
function shownUrl(text: string): string {
  const [scheme = ''] = /^[a-z]{2,6}:\/\//i.exec(text) ?? [];
  const rest = text.slice(scheme.length);
  const plain = rest.split(/[?#]/, 1)[0]!;
  const [authority = '', ...path] = plain.split('/');
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (!isHost(host)) return MASK;
  const shownPath = path.map((part) => `/${/^(v\d{1,3}|[a-z]{0,12}|\d(\.\d)?)$/.test(part) ? part : MASK}`).join('');
  const user = host === authority ? '' : `${MASK}@`;
  return `${scheme}${user}${host}${shownPath}${plain === rest ? '' : MASK}`;
}
