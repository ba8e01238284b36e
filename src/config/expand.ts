import { readText, readTextAgain } from './text-file.ts';

/** A `${…}` that could not be expanded; the message says which, and never what it stands for. */
export class ExpansionError extends Error {}

/** A part of an expanded value. What is kept of a file is its path, so that it can be read again. */
export type Piece =
  | { readonly from: 'text'; readonly text: string }
  | { readonly from: 'variable'; readonly name: string; readonly text: string }
  | { readonly from: 'file'; readonly path: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** What a value looks like that was meant to be replaced by something else: $NAME, $(NAME), %NAME%, {{ NAME }}. */
const UNEXPANDED = /^\s*(\$[A-Za-z_][A-Za-z0-9_]*|\$\([^()]*\)|%[A-Za-z_][A-Za-z0-9_]*%|\{\{[^{}]*\}\})\s*$/;

/**
 * The parts of a string, with variables looked up and defaults chosen. This happens after the YAML is parsed, so that a
 * secret with `#` or `"` in it cannot change the document's structure; and what is put in is not expanded again. Throws
 * an ExpansionError.
 */
export function piecesOf(text: string, environment: Environment): Piece[] {
  return new Expansion(text, environment).all();
}

/** What the parts come to; files are read now. Throws an ExpansionError. */
export function joined(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (piece.from === 'file' ? fileText(piece.path) : piece.text)).join('');
}

/** What the parts come to by now: files are read again. Undefined if one of them cannot be. */
export async function joinedAgain(pieces: readonly Piece[]): Promise<string | undefined> {
  let all = '';
  for (const piece of pieces) {
    const text = piece.from === 'file' ? await readTextAgain(piece.path).catch(() => undefined) : piece.text;
    if (text === undefined) return undefined;
    all += piece.from === 'file' ? tidied(text) : text;
  }
  return all;
}

/** True if a text is nothing but a variable in a notation that is not expanded here. */
export function isUnexpanded(text: string): boolean {
  return UNEXPANDED.test(text);
}

/** `${NAME}`, `${NAME:-default}`, `${file:/path}`, and `$${` for a literal `${`. Defaults and paths may hold others. */
class Expansion {
  readonly #text: string;
  readonly #environment: Environment;
  #at = 0;

  constructor(text: string, environment: Environment) {
    this.#text = text;
    this.#environment = environment;
  }

  all(): Piece[] {
    return this.#pieces(false, true);
  }

  /**
   * Up to the end of the text, or behind the brace that ends the expression this is part of. Not `wanted`: only its
   * form is looked at.
   */
  #pieces(inside: boolean, wanted: boolean): Piece[] {
    const pieces: Piece[] = [];
    let plain = '';
    const flush = (): void => {
      if (plain !== '') pieces.push({ from: 'text', text: plain });
      plain = '';
    };
    while (this.#at < this.#text.length) {
      if (this.#takes('$${')) plain += '${';
      else if (this.#takes('${')) {
        flush();
        pieces.push(...this.#expression(wanted));
      } else if (inside && this.#takes('}')) {
        flush();
        return pieces;
      } else plain += this.#text[this.#at++]!;
    }
    // A brace that is never closed.
    if (inside) throw malformed();
    flush();
    return pieces;
  }

  #expression(wanted: boolean): Piece[] {
    if (this.#takes('file:')) {
      const path = this.#pieces(true, wanted);
      return wanted ? [{ from: 'file', path: joined(path) }] : [];
    }
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(this.#text.slice(this.#at))?.[0];
    // Not repeated in the message: it may be part of a password.
    if (name === undefined) throw malformed();
    this.#at += name.length;
    const variable = this.#environment[name];
    const text = variable === undefined ? '' : tidied(variable);
    // Like a shell's ":-": an empty variable counts as not set.
    const isSet = text !== '';
    if (this.#takes(':-')) {
      const fallback = this.#pieces(true, wanted && !isSet);
      if (!isSet) {
        if (wanted && fallback.length === 1 && fallback[0]!.from === 'text' && isUnexpanded(fallback[0]!.text)) {
          throw new ExpansionError(UNEXPANDED_MESSAGE);
        }
        return fallback;
      }
    } else if (!this.#takes('}')) throw malformed();
    if (!wanted) return [];
    if (!isSet) {
      throw new ExpansionError(`the environment variable ${name} is ${variable === undefined ? 'not set' : 'empty'}`);
    }
    return [{ from: 'variable', name, text }];
  }

  #takes(what: string): boolean {
    if (!this.#text.startsWith(what, this.#at)) return false;
    this.#at += what.length;
    return true;
  }
}

/** What to say of a variable in another notation. It is not repeated: it may be a password after all. */
export const UNEXPANDED_MESSAGE =
  'looks like a variable in a notation that is not expanded here: write ${NAME} or ' +
  '${file:/path}; a value that really is such text comes from the environment or from a file';

function malformed(): ExpansionError {
  return new ExpansionError(
    'holds a "${" that is not ${NAME}, ${NAME:-default} or ${file:/path}; ' +
      'for the two characters themselves write "$${"',
  );
}

function fileText(path: string): string {
  try {
    return tidied(readText(path));
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    const wrong = code === 'NOT_TEXT' ? 'is no UTF-8 text' : `cannot be read (${code})`;
    throw new ExpansionError(`the file ${path} ${wrong}`);
  }
}

/** Without what editors, shells and Secret objects add to a value: a byte order mark, and line ends at the end. */
export function tidied(text: string): string {
  return text.replace(/^\uFEFF/, '').replace(/[\r\n]+$/, '');
}
