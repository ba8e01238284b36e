/**
 * Texts repeat from request to request; so many of them are remembered, and none that is longer: bounds that a hostile
 * peer cannot push.
 */
const MAX_TEXTS = 1_000;
const MAX_TEXT_LENGTH = 200;

/** Remembers what a function of a short text gives. */
export function memoize<T extends string | boolean>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let made = known.get(text);
    if (made === undefined) {
      made = make(text);
      if (typeof made === 'string') made = copy(made) as T;
      if (known.size < MAX_TEXTS && text.length <= MAX_TEXT_LENGTH) known.set(copy(text), made);
    }
    return made;
  };
}

/** To V8 a part of a longer text may be a view of it, and would keep all of a 64 KiB head in memory. */
function copy(text: string): string {
  return Buffer.from(text).toString();
}
