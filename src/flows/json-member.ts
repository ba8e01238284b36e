/** More occurrences of a name are no slip. Each gets the value, so a small body of them would become a huge one. */
export const MAX_OCCURRENCES = 1_000;

/**
 * A JSON text with one member set to a text. Everything else keeps its spelling: parsing and writing it anew would
 * change large numbers. `text`: the bytes of the JSON, one character for each (latin1), so that those that are not
 * UTF-8 stay as they are. `pointer`: a JSON pointer to a member of an object; objects on the way must exist. Undefined:
 * the text is no JSON, there is no object at that place, or it has the member too many times.
 */
export function setMember(text: string, pointer: string, value: string): string | undefined {
  const start = skipMarks(text);
  if (!isJsonObject(text, start)) return undefined;
  const keys = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let at = start;
  for (const key of keys.slice(0, -1)) {
    const found = objectAt(text, at, key)?.present.at(-1);
    if (found === undefined) return undefined;
    at = found.from;
  }
  const name = keys.at(-1)!;
  const object = objectAt(text, at, name);
  if (object === undefined || object.present.length > MAX_OCCURRENCES) return undefined;
  const written = jsonBytes(value);
  if (object.present.length === 0) {
    const more = object.isEmpty ? '' : ',';
    return `${text.slice(0, object.from)}${jsonBytes(name)}:${written}${more}${text.slice(object.from)}`;
  }
  // A name that occurs twice: each occurrence, because servers differ in which one they take.
  const pieces: string[] = [];
  let done = 0;
  for (const { from, to } of object.present) {
    pieces.push(text.slice(done, from), written);
    done = to;
  }
  pieces.push(text.slice(done));
  return pieces.join('');
}

/** A text as JSON in UTF-8, one character for each byte. */
function jsonBytes(text: string): string {
  return Buffer.from(JSON.stringify(text), 'utf8').toString('latin1');
}

function isJsonObject(text: string, start: number): boolean {
  if (text.charCodeAt(start) !== BRACE) return false;
  try {
    JSON.parse(start === 0 ? text : text.slice(start));
    return true;
  } catch {
    return false;
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const BRACKET_END = 0x5d;
const BRACE = 0x7b;
const BRACE_END = 0x7d;

/** Where a value begins and ends. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** The object that begins at a place. The text is well-formed JSON. */
interface ObjectAt {
  /** Behind its brace. */
  readonly from: number;
  readonly isEmpty: boolean;
  /** The values of the members of the wanted name, in order. */
  readonly present: readonly Span[];
}

function objectAt(text: string, at: number, wanted: string): ObjectAt | undefined {
  if (text.charCodeAt(at) !== BRACE) return undefined;
  const plain = jsonBytes(wanted);
  const present: Span[] = [];
  const first = skipBlanks(text, at + 1);
  let next = first;
  while (text.charCodeAt(next) !== BRACE_END) {
    const end = endOfString(text, next);
    const from = skipBlanks(text, skipBlanks(text, end) + 1);
    const to = endOfValue(text, from);
    if (isName(text.slice(next, end), plain, wanted)) present.push({ from, to });
    next = skipBlanks(text, to);
    if (text.charCodeAt(next) === COMMA) next = skipBlanks(text, next + 1);
  }
  return { from: at + 1, isEmpty: text.charCodeAt(first) === BRACE_END, present };
}

/** `plain`: the name as it is mostly written. Any other way to write it has a backslash. */
function isName(written: string, plain: string, wanted: string): boolean {
  if (written === plain) return true;
  return written.includes('\\') && JSON.parse(Buffer.from(written, 'latin1').toString('utf8')) === wanted;
}

function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at) - 1;
      if (depth === 0) return at + 1;
    } else if (code === BRACE || code === BRACKET) depth += 1;
    else if (code === BRACE_END || code === BRACKET_END) {
      if (depth === 0) return trimmedEnd(text, from, at);
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (code === COMMA && depth === 0) return trimmedEnd(text, from, at);
  }
  return text.length;
}

/** Of a number or word, which a blank may follow. */
function trimmedEnd(text: string, from: number, to: number): number {
  let end = to;
  while (end > from && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return end;
}

function endOfString(text: string, from: number): number {
  let at = from + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) at += code === BACKSLASH ? 2 : 1;
  return at + 1;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

/** RFC 8259 §2: space, tab and line ends. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Behind the blanks and byte order marks that some clients write first. */
function skipMarks(text: string): number {
  let at = skipBlanks(text, 0);
  while (text.startsWith('\xef\xbb\xbf', at)) at = skipBlanks(text, at + 3);
  return at;
}
