import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Equivalent } from './equivalent/equivalent.ts';
import { GATE_EQUIVALENT } from './equivalent/gate.ts';
import { PARSERS_EQUIVALENT } from './equivalent/parsers.ts';
import { PROXY_EQUIVALENT } from './equivalent/proxy.ts';
import { STORES_EQUIVALENT } from './equivalent/stores.ts';
import { TOKENS_EQUIVALENT } from './equivalent/tokens.ts';
import type { Mutant } from './tested.ts';

export const EQUIVALENT: readonly Equivalent[] = [
  ...TOKENS_EQUIVALENT,
  ...STORES_EQUIVALENT,
  ...PARSERS_EQUIVALENT,
  ...GATE_EQUIVALENT,
  ...PROXY_EQUIVALENT,
];

/** A mutant in its source. */
export interface Place {
  readonly file: string;
  readonly source: string;
  readonly from: number;
  readonly to: number;
  readonly now: string;
}

export function placeOf({ fileName, location, replacement }: Mutant): Place {
  const file = relative('', fileName);
  const source = readFileSync(file, 'utf8');
  const lines = source.split('\n');
  const offset = ({ line, column }: { line: number; column: number }): number =>
    lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
  return { file, source, from: offset(location.start), to: offset(location.end), now: replacement };
}

export function isListed(place: Place, { file, at, was, now }: Equivalent): boolean {
  if (file !== place.file || !isText(now, place.now) || !isText(was, place.source.slice(place.from, place.to)))
    return false;
  for (let begin = place.source.indexOf(at); begin >= 0; begin = place.source.indexOf(at, begin + 1)) {
    if (begin < place.to && begin + at.length > place.from) return true;
  }
  return false;
}

function isText(given: string, text: string): boolean {
  return given.endsWith('…') ? text.startsWith(given.slice(0, -1)) : text === given;
}

/** An entry for the list, its reason left open. */
export function entryOf({ file, source, from, to, now }: Place): string {
  const lineStart = source.lastIndexOf('\n', from) + 1;
  const lineEnd = source.indexOf('\n', from);
  const was = source.slice(from, to);
  const line = source.slice(0, from).split('\n').length;
  const at = source.slice(lineStart, lineEnd).trim();
  return `// line ${line}\n{ file: ${quote(file)}, at: ${quote(at)}, was: ${begin(was)}, now: ${begin(now)}, reason: '' },`;
}

/** Its first line, and whether there is more. */
function begin(text: string): string {
  return quote(text.replace(/\n[^]*$/, '…'));
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
