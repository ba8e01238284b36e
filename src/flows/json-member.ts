import { parseJson } from './content.ts';
import { isDocument } from './response.ts';

/**
 * A JSON text with one member set to a text. Everything else keeps its spelling: parsing and writing it anew would
 * change large numbers. `pointer`: a JSON pointer to a member of an object; objects on the way must exist. Undefined:
 * the text is no JSON, or there is no object at that place.
 */
export function setMember(text: string, pointer: string, value: string): string | undefined {
  const document = parseJson(text);
  if (!isDocument(document)) return undefined;
  const keys = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let object = objectAt(text, skipBlanks(text, 0));
  for (const key of keys.slice(0, -1)) {
    const member = object?.members.findLast(({ name }) => name === key);
    object = member && objectAt(text, member.from);
  }
  if (object === undefined) return undefined;
  const name = keys.at(-1)!;
  const written = JSON.stringify(value);
  const present = object.members.filter((member) => member.name === name);
  if (present.length === 0) {
    const more = object.members.length === 0 ? '' : ',';
    return `${text.slice(0, object.from)}${JSON.stringify(name)}:${written}${more}${text.slice(object.from)}`;
  }
  // A name that occurs twice: each occurrence, because servers differ in which one they take.
  return present.reduceRight((all, { from, to }) => all.slice(0, from) + written + all.slice(to), text);
}

interface Member {
  readonly name: string;
  /** Where its value begins and ends. */
  readonly from: number;
  readonly to: number;
}

/** The members of the object that begins at `at`; `from`: behind its brace. The text is well-formed JSON. */
function objectAt(text: string, at: number): { readonly from: number; readonly members: Member[] } | undefined {
  if (text[at] !== '{') return undefined;
  const members: Member[] = [];
  let next = skipBlanks(text, at + 1);
  while (text[next] !== '}') {
    const end = endOfString(text, next);
    const name = JSON.parse(text.slice(next, end)) as string;
    const from = skipBlanks(text, skipBlanks(text, end) + 1);
    const to = endOfValue(text, from);
    members.push({ name, from, to });
    next = skipBlanks(text, to);
    if (text[next] === ',') next = skipBlanks(text, next + 1);
  }
  return { from: at + 1, members };
}

function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at]!;
    if (character === '"') {
      at = endOfString(text, at) - 1;
      if (depth === 0) return at + 1;
    } else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      if (depth === 0) return trimmedEnd(text, from, at);
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (character === ',' && depth === 0) return trimmedEnd(text, from, at);
  }
  return text.length;
}

/** Of a number or word, which a blank may follow. */
function trimmedEnd(text: string, from: number, to: number): number {
  return from + text.slice(from, to).trimEnd().length;
}

function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (/[\s\ufeff]/.test(text[at] ?? '')) at += 1;
  return at;
}
