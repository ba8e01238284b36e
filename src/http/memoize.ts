/**
 * Texts repeat from request to request; so many of them are remembered, and none that is longer: bounds that a hostile
 * peer cannot push.
 */
const MAX_TEXTS = 1_000;
const MAX_TEXT_LENGTH = 200;

/** Remembers what a function of a short text gives. */
export function memoize<T extends string | boolean>(compute: (text: string) => T): (text: string) => T {
  const cache = new Map<string, T>();
  return (text) => {
    let value = cache.get(text);
    if (value === undefined) {
      value = compute(text);
      if (typeof value === 'string') value = copy(value) as T;
      if (cache.size < MAX_TEXTS && text.length <= MAX_TEXT_LENGTH) cache.set(copy(text), value);
    }
    return value;
  };
}

/** To V8 a part of a longer text may be a view of it, and would keep all of a 64 KiB head in memory. */
function copy(text: string): string {
  return Buffer.from(text).toString();
}
