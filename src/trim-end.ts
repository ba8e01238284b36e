/**
 * The text without these characters at its end. Not by a pattern such as `/\/+$/`: for a long run of them elsewhere it
 * takes quadratic time, and blocks the process for seconds.
 */
export function trimEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}
