import { readText, readTextAgain } from './text-file.ts';
import { trimEnd } from '../trim-end.ts';

/** A `${…}` that cannot be expanded; the message names it and never its value. */
export class ExpansionError extends Error {
  /** True: a file is not there, and may come later. */
  readonly isMissingFile: boolean;

  constructor(message: string, { isMissingFile = false } = {}) {
    super(message);
    this.isMissingFile = isMissingFile;
  }
}

/** A part of an expanded value. For a file its path is kept, so that it can be read again. */
export type Piece =
  | { readonly from: 'text'; readonly text: string }
  | { readonly from: 'variable'; readonly name: string; readonly text: string }
  | { readonly from: 'file'; readonly path: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** A whole value in another notation of variables: $NAME, $(NAME), %NAME%, {{ NAME }}. */
const UNEXPANDED = /^\s*(\$[A-Za-z_][A-Za-z0-9_]*|\$\([^()]*\)|%[A-Za-z_][A-Za-z0-9_]*%|\{\{[^{}]*\}\})\s*$/;

/**
 * The parts of a string, with variables and defaults resolved. This happens after the YAML is parsed, so that a secret
 * with `#` or `"` in it cannot change the document's structure; values are not expanded again. Throws an
 * ExpansionError.
 */
export function piecesOf(text: string, environment: Environment): Piece[] {
  return new Expansion(text, environment).all();
}

/** The text of the parts; files are read now. Throws an ExpansionError. */
export function resolvePieces(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (piece.from === 'file' ? fileText(piece.path) : piece.text)).join('');
}

/** The present text of the parts: files are read again. Undefined if one of them cannot be. */
export async function rereadPieces(pieces: readonly Piece[]): Promise<string | undefined> {
  let all = '';
  for (const piece of pieces) {
    const text = piece.from === 'file' ? await readTextAgain(piece.path).catch(() => undefined) : piece.text;
    if (text === undefined) return undefined;
    all += piece.from === 'file' ? trimValue(text) : text;
  }
  return all;
}

/** True if the whole text is a variable in a notation that is not expanded here. */
export function isUnexpanded(text: string): boolean {
  return UNEXPANDED.test(text);
}

/**
 * Parses `${NAME}`, `${NAME:-default}`, `${file:/path}`, and `$${` for a literal `${`. Defaults and paths may contain
 * others.
 */
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
   * Up to the end of the text, or past the brace that closes the surrounding expression. Without `evaluate` only its
   * syntax is checked.
   */
  #pieces(inside: boolean, evaluate: boolean): Piece[] {
    const pieces: Piece[] = [];
    let plain = '';
    const flush = (): void => {
      if (plain !== '') pieces.push({ from: 'text', text: plain });
      plain = '';
    };
    while (this.#at < this.#text.length) {
      if (this.#consume('$${')) plain += '${';
      else if (this.#consume('${')) {
        flush();
        pieces.push(...this.#expression(evaluate));
      } else if (inside && this.#consume('}')) {
        flush();
        return pieces;
      } else plain += this.#text[this.#at++]!;
    }
    // A brace is not closed.
    if (inside) throw malformed();
    flush();
    return pieces;
  }

  #expression(evaluate: boolean): Piece[] {
    if (this.#consume('file:')) {
      const path = this.#pieces(true, evaluate);
      return evaluate ? [{ from: 'file', path: resolvePieces(path) }] : [];
    }
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(this.#text.slice(this.#at))?.[0];
    // The message does not repeat the text: it may be part of a password.
    if (name === undefined) throw malformed();
    this.#at += name.length;
    const variable = this.#environment[name];
    const text = variable === undefined ? '' : trimValue(variable);
    // As with a shell's ":-", an empty variable counts as not set.
    const isSet = text !== '';
    if (this.#consume(':-')) {
      const fallback = this.#pieces(true, evaluate && !isSet);
      if (!isSet) {
        if (evaluate && fallback.length === 1 && fallback[0]!.from === 'text' && isUnexpanded(fallback[0]!.text)) {
          throw new ExpansionError(UNEXPANDED_MESSAGE);
        }
        return fallback;
      }
    } else if (!this.#consume('}')) throw malformed();
    if (!evaluate) return [];
    if (!isSet) {
      throw new ExpansionError(`the environment variable ${name} is ${variable === undefined ? 'not set' : 'empty'}`);
    }
    return [{ from: 'variable', name, text }];
  }

  #consume(what: string): boolean {
    if (!this.#text.startsWith(what, this.#at)) return false;
    this.#at += what.length;
    return true;
  }
}

/** The message for a variable in another notation. It does not repeat the text, which may be a password. */
export const UNEXPANDED_MESSAGE =
  'looks like a variable in a notation that is not expanded here: write ${NAME} or ' +
  '${file:/path}; a value that is really such text must come from the environment or a file';

function malformed(): ExpansionError {
  return new ExpansionError(
    'holds a "${" that is not ${NAME}, ${NAME:-default} or ${file:/path}; ' +
      'for the two characters themselves write "$${"',
  );
}

function fileText(path: string): string {
  try {
    return trimValue(readText(path));
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    const wrong = code === 'NOT_TEXT' ? 'is not UTF-8 text' : `cannot be read (${code})`;
    throw new ExpansionError(`the file ${path} ${wrong}`, { isMissingFile: code === 'ENOENT' });
  }
}

/** Removes what editors, shells and Kubernetes Secrets add to a value: a byte order mark, and final line ends. */
export function trimValue(text: string): string {
  return trimEnd(text.replace(/^\uFEFF/, ''), '\r\n');
}
