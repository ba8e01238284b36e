import {
  ExpansionError,
  isUnexpanded,
  resolvePieces,
  UNEXPANDED_MESSAGE,
  piecesOf,
  trimValue,
  type Piece,
} from './expand.ts';
import type { Path, Report } from './issues.ts';

/** Called with every expanded text's path and pieces. */
export type NoteText = (path: Path, pieces: readonly Piece[]) => void;

export interface ExpansionOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly report: Report;
  readonly note?: NoteText;
  /** Called for a text that only lacks a file, which may come later. */
  readonly noteMissing?: (() => void) | undefined;
  /** The file is written by a program: text such as `$abc` is literal, because no program means a variable by it. */
  readonly generated?: boolean;
}

/** Expands `${…}` in every string of a value that is not a key. */
export function expandLeaves(value: unknown, path: Path, options: ExpansionOptions): unknown {
  const { environment, report, note, noteMissing, generated = false } = options;
  if (typeof value === 'string') {
    try {
      // Double braces in a flow are a mistaken placeholder, which has its own message.
      const placeholder = value.includes('{{') && !path.includes('credentials');
      if (!generated && !placeholder && isUnexpanded(value)) throw new ExpansionError(UNEXPANDED_MESSAGE);
      const pieces = piecesOf(value, environment);
      const text = resolvePieces(pieces);
      note?.(path, pieces);
      // A YAML block ("|") ends with a line end, which is not part of a password.
      return path.includes('credentials') ? trimValue(text) : text;
    } catch (error) {
      if (!(error instanceof ExpansionError)) throw error;
      report(path, error.message, 'environment');
      if (error.isMissingFile) noteMissing?.();
      return value;
    }
  }
  if (Array.isArray(value)) return value.map((item, index) => expandLeaves(item, [...path, index], options));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([key]) => {
      // zod would ignore it silently.
      if (key === '__proto__') report([...path, key], 'unknown key', 'unknown_key');
      return key !== '__proto__';
    });
    return Object.fromEntries(entries.map(([key, item]) => [key, expandLeaves(item, [...path, key], options)]));
  }
  return value;
}
