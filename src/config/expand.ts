import { readFileSync } from 'node:fs';

/** A `${…}` that could not be expanded; the message says which, and never what it stands for. */
export class ExpansionError extends Error {}

/** `${NAME}`, `${NAME:-default}`, `${file:/path}`, and `$${` for a literal `${`. The last group is empty if the brace is never closed. */
const EXPRESSION = /\$\$\{|\$\{([^}]*)(\}?)/g;

/**
 * Expands one string. This happens after the YAML is parsed, so that a secret with `#` or `"` in it cannot change the
 * document's structure. A file loses one line end. Throws an ExpansionError.
 */
export function expand(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  return text.replace(EXPRESSION, (whole, inside: string | undefined, end: string | undefined) => {
    if (inside === undefined) return whole.slice(1);
    if (inside.startsWith('file:')) {
      const path = inside.slice('file:'.length);
      try {
        return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      } catch (error) {
        throw new ExpansionError(`the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
      }
    }
    const [, name, fallback] = inside.match(/^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/) ?? [];
    // Not repeated here: it may be part of a password.
    if (name === undefined || end === '') throw new ExpansionError('holds a "${" that is not ${NAME}, ${NAME:-default} or ${file:/path}; for the two characters themselves write "$${"');
    const value = environment[name];
    // Like a shell's ":-": an empty variable counts as not set.
    if (value !== undefined && value !== '') return value;
    if (fallback !== undefined) return fallback;
    throw new ExpansionError(`the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}`);
  });
}
