/** Limits on what is cached, so that a hostile peer cannot fill the memory: number of texts, and length of each. */
const MAX_TEXTS = 1_000;
const MAX_TEXT_LENGTH = 200;

/** Caches the results of a function of a short text. */
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

/**
 * V8 may represent a substring as a view of the longer string, which would keep a whole 64 KiB header section in
 * memory.
 */
function copy(text: string): string {
  return Buffer.from(text).toString();
}
