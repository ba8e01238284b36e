import { ExpansionError, isUnexpanded, joined, UNEXPANDED_MESSAGE, piecesOf, tidied, type Piece } from './expand.ts';
import type { Path, Report } from './issues.ts';

/** Hears of every text that has been expanded, and what it is made of. */
export type NoteText = (path: Path, pieces: readonly Piece[]) => void;

export interface ExpansionOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly report: Report;
  readonly note?: NoteText;
  /** A program has written it: a text such as `$abc` is taken for itself, because no program means a variable by it. */
  readonly generated?: boolean;
}

/** The same value with `${…}` expanded in every string that is not a key. */
export function expandLeaves(value: unknown, path: Path, options: ExpansionOptions): unknown {
  const { environment, report, note, generated = false } = options;
  if (typeof value === 'string') {
    try {
      // A flow's doubled braces are a mistaken placeholder, which is told in words of its own.
      const placeholder = value.includes('{{') && !path.includes('credentials');
      if (!generated && !placeholder && isUnexpanded(value)) throw new ExpansionError(UNEXPANDED_MESSAGE);
      const pieces = piecesOf(value, environment);
      const text = joined(pieces);
      note?.(path, pieces);
      // A block of YAML ("|") ends with a line end that nobody means as part of a password.
      return path.includes('credentials') ? tidied(text) : text;
    } catch (error) {
      if (!(error instanceof ExpansionError)) throw error;
      report(path, error.message);
      return value;
    }
  }
  if (Array.isArray(value)) return value.map((item, index) => expandLeaves(item, [...path, index], options));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([key]) => {
      // Schemas pass it over in silence.
      if (key === '__proto__') report([...path, key], 'unknown key');
      return key !== '__proto__';
    });
    return Object.fromEntries(entries.map(([key, item]) => [key, expandLeaves(item, [...path, key], options)]));
  }
  return value;
}
