import { MAX_OCCURRENCES } from './json-member.ts';

/** Deeper elements than any API nests. */
const MAX_DEPTH = 100;

/**
 * An XML document with the content of one element set to a text. Everything else keeps its spelling: a parser would
 * lose prefixes, comments and blanks, over which a signature may have been made. `text`: the bytes of the document, one
 * character for each (latin1), so that its encoding does not matter, as long as it agrees with ASCII. `path`: such as
 * `/Envelope/Header/session`; names are compared without their prefix. The element must be there, empty if it likes:
 * nobody else knows its prefix. Undefined: it is not there, or too often; or the text is no XML, or has a DOCTYPE.
 */
export function setElement(text: string, path: string, value: string): string | undefined {
  const spans = elementsAt(
    text,
    path
      .split('/')
      .slice(1)
      .map((name) => Buffer.from(name, 'utf8').toString('latin1')),
  );
  if (spans === undefined || spans.length === 0 || spans.length > MAX_OCCURRENCES) return undefined;
  const written = xmlText(value);
  const pieces: string[] = [];
  let done = 0;
  // One that occurs several times: each, because servers differ in which one they take.
  for (const { from, to, name } of spans) {
    pieces.push(text.slice(done, from), name === undefined ? written : `>${written}</${name}>`);
    done = to;
  }
  pieces.push(text.slice(done));
  return pieces.join('');
}

/** Escaped so that no encoding matters. */
function xmlText(value: string): string {
  return value.replaceAll(/[^\x20-\x7e]|[&<>]/gu, (character) => `&#${character.codePointAt(0)!};`);
}

/** What takes the place of an element's content. `name`: the element is `<name/>`, and these are its last two signs. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly name?: string;
}

function elementsAt(text: string, wanted: readonly string[]): Span[] | undefined {
  const found: Span[] = [];
  const open: string[] = [];
  let [matching, from, roots] = [0, -1, 0];
  for (let at = text.indexOf('<'); at !== -1;) {
    const skipped = skip(text, at);
    if (skipped === -1) return undefined;
    if (skipped > at) {
      at = text.indexOf('<', skipped);
      continue;
    }
    const end = endOfTag(text, at);
    if (end === -1) return undefined;
    if (text[at + 1] === '/') {
      if (open.at(-1) !== text.slice(at + 2, end).trimEnd()) return undefined;
      if (matching === wanted.length && open.length === matching) found.push({ from, to: at });
      open.pop();
      matching = Math.min(matching, open.length);
    } else {
      const isEmpty = text[end - 1] === '/';
      const [name = ''] = /^[^\s/<>=]*/.exec(text.slice(at + 1, end)) ?? [];
      const depth = open.length;
      if (name === '' || depth >= MAX_DEPTH) return undefined;
      if (depth === 0) roots += 1;
      const matches = matching === depth && name.slice(name.indexOf(':') + 1) === wanted[depth];
      if (matches && depth + 1 === wanted.length && isEmpty) found.push({ from: end - 1, to: end + 1, name });
      if (!isEmpty) {
        open.push(name);
        if (matches) {
          matching = depth + 1;
          if (matching === wanted.length) from = end + 1;
        }
      }
    }
    at = text.indexOf('<', end);
  }
  return open.length === 0 && roots === 1 ? found : undefined;
}

/** Behind a comment, CDATA section or processing instruction; `at` for a tag; -1 for anything else. */
function skip(text: string, at: number): number {
  for (const [start, stop] of [
    ['<!--', '-->'],
    ['<![CDATA[', ']]>'],
    ['<?', '?>'],
  ] as const) {
    if (!text.startsWith(start, at)) continue;
    const end = text.indexOf(stop, at + start.length);
    return end === -1 ? -1 : end + stop.length;
  }
  return text[at + 1] === '!' ? -1 : at;
}

/** The `>` of a tag; one in quotes does not end it. */
function endOfTag(text: string, at: number): number {
  for (let index = at + 1; index < text.length; index += 1) {
    const character = text[index]!;
    if (character === '>') return index;
    if (character === '<') return -1;
    if (character !== '"' && character !== "'") continue;
    index = text.indexOf(character, index + 1);
    if (index === -1) return -1;
  }
  return -1;
}
