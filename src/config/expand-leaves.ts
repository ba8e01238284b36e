import { expand, ExpansionError } from './expand.ts';
import type { Path, Say } from './mistakes.ts';

/** The same value with `${…}` expanded in every string that is not a key. */
export function expandLeaves(value: unknown, path: Path, environment: Readonly<Record<string, string | undefined>>, say: Say): unknown {
  if (typeof value === 'string') {
    try {
      return expand(value, environment);
    } catch (error) {
      if (!(error instanceof ExpansionError)) throw error;
      say(path, error.message);
      return value;
    }
  }
  if (Array.isArray(value)) return value.map((item, index) => expandLeaves(item, [...path, index], environment, say));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([key]) => {
      // Schemas pass it over in silence.
      if (key === '__proto__') say([...path, key], 'unknown key');
      return key !== '__proto__';
    });
    return Object.fromEntries(entries.map(([key, item]) => [key, expandLeaves(item, [...path, key], environment, say)]));
  }
  return value;
}
