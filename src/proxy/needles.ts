import type { MatchRule } from '../flows/flow.ts';
import { readsText } from '../flows/locator.ts';

/** Texts of which a body that matches some rule holds at least one. */
export interface Needles {
  readonly texts: readonly Buffer[];
  /** The code points of their letters; undefined: some letter has more spellings in JSON than `\u00XX`. */
  readonly letters: ReadonlySet<number> | undefined;
}

/** Letters that JSON can spell as themselves or as `\u00XX` only (RFC 8259 §7). A slash, for one, may be `\/`. */
const PLAIN = /^[ !#-.0-[\]-~]*$/;
const BACKSLASH = 0x5c;
const LATIN_ESCAPE = Buffer.from('\\u00');

/** `bodies`: of each rule, what is expected at which place. Undefined if a rule has no such text. */
export function needlesOf(bodies: readonly MatchRule['body'][]): Needles | undefined {
  const texts: string[] = [];
  for (const body of bodies) {
    // A form or XML may hold a text in another spelling.
    if (body === undefined || Object.keys(body).some(readsText)) return undefined;
    const expected = Object.values(body)
      .map((values) => (Array.isArray(values) ? values : [values]))
      .find((values) => values.every((value) => typeof value === 'string'));
    if (expected === undefined) return undefined;
    texts.push(...expected);
  }
  const letters = texts.every((text) => PLAIN.test(text)) ? new Set(Buffer.from(texts.join(''), 'latin1')) : undefined;
  return { texts: texts.map((text) => Buffer.from(text)), letters };
}

/**
 * Whether a body of JSON may hold one of the texts. Other escapes than those of their letters say nothing: a line break
 * in a message made each response six times as dear as a plain one, and PHP escapes every Cyrillic letter.
 */
export function holdsNeedle({ texts, letters }: Needles, json: Buffer): boolean {
  if (texts.some((text) => json.includes(text))) return true;
  if (letters === undefined) return json.includes(BACKSLASH);
  for (let at = json.indexOf(LATIN_ESCAPE); at !== -1; at = json.indexOf(LATIN_ESCAPE, at + LATIN_ESCAPE.length))
    if (letters.has(Number.parseInt(json.toString('latin1', at + 4, at + 6), 16))) return true;
  return false;
}
