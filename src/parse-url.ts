/**
 * The parsed URL; undefined if the text is not one. Not `URL.canParse` and then `new URL`: on Node 20, a compiled
 * `canParse` misreads text with letters from U+0080 to U+00FF, and accepts what the constructor then throws at.
 */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
