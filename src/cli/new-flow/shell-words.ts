/** A pasted command cannot be read; the message is for a person, and repeats none of it. */
export class CurlError extends Error {}

/** A command, and what follows it in the text. */
export interface ShellCommand {
  readonly words: readonly string[];
  /** Behind the line end, `;`, `|`, `&` or `>` that ends the command. */
  readonly rest: string;
  /** Whether something of the same line was left out, such as a pipe. */
  readonly cut: boolean;
}

/** Characters that end a command outside quotes. */
const ENDS = new Set(['\n', ';', '|', '&', '>', '<', '(', ')']);
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/**
 * The words of the first command of a text, as a POSIX shell (and `$'…'` of bash) reads them. Nothing is executed or
 * expanded: `$NAME` stays as it is, and a command substitution is refused. Undefined: the command is not complete yet,
 * because a quote is open or the last line goes on. Throws a CurlError.
 */
export function readCommand(given: string): ShellCommand | undefined {
  const text = given.replaceAll('\r\n', '\n').replace(/^[\s\ufeff]+/, '');
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  const add = (piece: string): void => {
    word = (word ?? '') + piece;
  };
  const finish = (): void => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  while (at < text.length) {
    const one = text[at]!;
    if (one === '\\') {
      // At the end of the text, the command goes on in a line that is missing.
      if (text.slice(at + 1).trim() === '') return undefined;
      if (text[at + 1] !== '\n') add(text[at + 1]!);
      at += 2;
    } else if (one === "'") {
      const end = text.indexOf("'", at + 1);
      if (end === -1) return undefined;
      add(text.slice(at + 1, end));
      at = end + 1;
    } else if (one === '$' && text[at + 1] === "'") {
      const quoted = ansiQuoted(text, at + 2);
      if (quoted === undefined) return undefined;
      add(quoted.value);
      at = quoted.end;
    } else if (one === '"') {
      const quoted = doubleQuoted(text, at + 1);
      if (quoted === undefined) return undefined;
      add(quoted.value);
      at = quoted.end;
    } else if (one === '`' || (one === '$' && text[at + 1] === '(')) {
      throw new CurlError('the command holds a command substitution, which is not executed; write its value instead');
    } else if (one === '#' && word === undefined) {
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end;
    } else if (ENDS.has(one)) {
      finish();
      if (one === '\n') {
        at += 1;
        if (words.length > 0) return { words, rest: text.slice(at), cut: false };
        continue;
      }
      const end = text.indexOf('\n', at);
      return { words, rest: end === -1 ? '' : text.slice(end + 1), cut: true };
    } else {
      if (/\s/.test(one)) finish();
      else add(one);
      at += 1;
    }
  }
  finish();
  return { words, rest: '', cut: false };
}

interface Quoted {
  readonly value: string;
  readonly end: number;
}

function doubleQuoted(text: string, start: number): Quoted | undefined {
  let value = '';
  for (let at = start; at < text.length; at += 1) {
    const one = text[at]!;
    if (one === '"') return { value, end: at + 1 };
    if (one === '`' || (one === '$' && text[at + 1] === '('))
      throw new CurlError('the command holds a command substitution, which is not executed; write its value instead');
    if (one === '\\' && /[$`"\\\n]/.test(text[at + 1] ?? '')) {
      at += 1;
      if (text[at] !== '\n') value += text[at]!;
    } else value += one;
  }
  return undefined;
}

function ansiQuoted(text: string, start: number): Quoted | undefined {
  let value = '';
  let at = start;
  while (at < text.length) {
    if (text[at] === "'") return { value, end: at + 1 };
    if (text[at] !== '\\') {
      value += text[at]!;
      at += 1;
      continue;
    }
    const [whole, octal, hex, unicode] =
      /^\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(?:u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})))/.exec(
        text.slice(at, at + 10),
      ) ?? [];
    if (whole === undefined) {
      const escaped = text[at + 1];
      if (escaped === undefined) return undefined;
      value += ESCAPES[escaped] ?? escaped;
      at += 2;
      continue;
    }
    const long = /^\\U([0-9A-Fa-f]{1,8})/.exec(whole)?.[1];
    const code = octal === undefined ? Number.parseInt(hex ?? unicode ?? long!, 16) : Number.parseInt(octal, 8);
    if (code > 0x10ffff) throw new CurlError('the command holds an escape for a character that does not exist');
    value += String.fromCodePoint(code);
    at += whole.length;
  }
  return undefined;
}
